//! Which system calls a worker may make: a short list of allowed ones, some only with certain arguments, as a program of
//! the kernel's packet filter. It decides nothing about files, ports and processes outside: that is `domain`'s part.
//!
//! The way of a policy: [`SyscallPolicy`] (plain data) → `ruling` (what happens to each call) → `decision` (a tree of
//! questions about the call) → `program` (instructions) → [`SyscallFilter::install`] (in force, for good).

mod allowed;
mod answers;
mod arch;
mod decision;
mod filter;
mod policy;
mod program;
mod ruling;
mod table_aarch64;
mod table_x86_64;

#[cfg(test)]
mod tests;

pub use answers::SyscallAnswers;
pub use arch::{LAST_KNOWN_SYSCALL, syscall_name};
pub use filter::SyscallFilter;
pub use policy::{SocketRule, SyscallPolicy};
