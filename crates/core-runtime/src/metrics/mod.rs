//! A backend's numbers as text that monitoring systems read: `OpenMetrics` 1.0.
//! It reads a snapshot and keeps nothing; serving the text is the host's business.

mod backend_text;
mod exposition;
#[cfg(test)]
mod tests;

pub use backend_text::openmetrics;

/// The content type under which the text is served.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
