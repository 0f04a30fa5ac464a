//! The error of a meta that holds more than it may, and the two checks that make it.
//! The numbers are in `limit`.

use crate::limit::{MAX_META, MAX_NAME};

/// A field of a meta is longer than its bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` holds {len}, at most {max} is allowed")]
#[non_exhaustive]
pub struct Excess {
    /// Which field.
    pub field: &'static str,
    /// Its length, in bytes for text and in elements for lists.
    pub len: usize,
    /// The bound.
    pub max: usize,
}

/// A meta with bounds that its encoding does not hold by itself.
pub(crate) trait Bounded {
    /// Checks them. By default there are none: nothing in the meta has a length.
    fn check(&self) -> Result<(), Excess> {
        Ok(())
    }
}

/// Refuses more than `max` of whatever `field` counts.
pub(super) fn at_most(field: &'static str, len: usize, max: usize) -> Result<(), Excess> {
    if len <= max { Ok(()) } else { Err(Excess { field, len, max }) }
}

/// Refuses an identifier that is too long.
pub(super) fn name(field: &'static str, text: &str) -> Result<(), Excess> {
    at_most(field, text.len(), MAX_NAME)
}

/// Bounded by the meta as a whole: here for texts that have no closer bound of their own.
pub(super) fn text(field: &'static str, text: &str) -> Result<(), Excess> {
    at_most(field, text.len(), MAX_META)
}
