//! What of root's power a worker keeps: nothing, in none of the five sets, and no way to get it back.
//! It changes no user: under the profiles that use this, root's files are closed by other means.

mod drop_all;
mod held;

pub use drop_all::PrivilegeStep;
pub(crate) use drop_all::drop_all;
pub use held::Held;
