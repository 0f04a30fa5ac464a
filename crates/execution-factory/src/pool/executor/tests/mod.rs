//! Live workers whose processes are tasks: real pipes, real channels, the real runtime at the other end.

mod bench;
mod calling;
mod ending;
mod mocking;
mod starting;
