//! The command as a person uses it: the built program, real files, its streams and its exit codes.

mod broken_plugin;
mod command;
mod config;
mod example_plugin;
mod explain;
mod plain;
mod repeat;
mod run;
mod serve;
