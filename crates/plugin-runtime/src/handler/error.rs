//! The error of a handler: a code and a text, with everything else optional. `?` makes one from any standard error.

use std::fmt;

use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError, Fault};
use serde::Serialize;

/// Why a handler has no result.
///
/// It is deliberately no [`std::error::Error`], so that `?` can convert every error into it. An [`ExecutionError`], as
/// the calls of [`crate::Ctx`] return it, keeps its code and all of its properties.
pub struct HandlerError(ExecutionError);

impl HandlerError {
    /// An error with a code of the handler's own, for example `ROW_MALFORMED`, or one of the known codes.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self(ExecutionError::new(ErrorCode::from(code.to_owned()), message))
    }

    /// An error with the code `HANDLER_ERROR`.
    pub fn message(message: impl Into<String>) -> Self {
        Self(ExecutionError::new(ErrorCode::HandlerError, message))
    }

    /// The caller's input is not acceptable: `VALIDATION_ERROR`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self(ExecutionError::new(ErrorCode::ValidationError, message))
    }

    /// The same request may succeed later.
    #[must_use]
    pub fn retryable(self) -> Self {
        Self(self.0.with_retryable(true))
    }

    /// Who has to act.
    #[must_use]
    pub fn fault(self, fault: Fault) -> Self {
        Self(self.0.with_fault(fault))
    }

    /// What to do.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self(self.0.with_help(help))
    }

    /// Data about the error. A value without a JSON form is left out.
    #[must_use]
    pub fn details<T: Serialize>(self, details: &T) -> Self {
        Self(self.0.with_details(serde_json::to_value(details).unwrap_or_default()))
    }

    /// What caused it.
    #[must_use]
    pub fn source(self, source: &(dyn std::error::Error + '_)) -> Self {
        let mut chain = vec![source.to_string()];
        chain.extend(ErrorChain(source).sources());
        Self(self.0.with_chain(chain))
    }

    /// The error as the caller will see it.
    pub fn into_execution_error(self) -> ExecutionError {
        self.0
    }
}

impl<E: std::error::Error + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let any: &dyn std::any::Any = &error;
        match any.downcast_ref::<ExecutionError>() {
            Some(own) => Self(own.clone()),
            None => Self(ExecutionError::from_error(ErrorCode::HandlerError, &error)),
        }
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<u8, HandlerError> {
        Ok(text.parse::<u8>()?)
    }

    #[test]
    fn any_error_becomes_a_handler_error() {
        let error = parse("x").unwrap_err().into_execution_error();
        assert_eq!(error.code(), &ErrorCode::HandlerError);
        assert_eq!(error.message(), "invalid digit found in string");
    }

    #[test]
    fn the_hosts_error_keeps_its_code() {
        fn pass() -> Result<(), HandlerError> {
            Err(ExecutionError::new(ErrorCode::PermissionDenied, "no").with_help("ask"))?
        }
        let error = pass().unwrap_err().into_execution_error();
        assert_eq!((error.code(), error.help()), (&ErrorCode::PermissionDenied, Some("ask")));
    }

    #[test]
    fn own_codes_and_details_survive() {
        let error =
            HandlerError::new("ROW_MALFORMED", "row 3").retryable().details(&[3]).into_execution_error();
        assert_eq!(error.code().as_str(), "ROW_MALFORMED");
        assert!(error.is_retryable());
        assert_eq!(error.details(), &serde_json::json!([3]));
    }
}
