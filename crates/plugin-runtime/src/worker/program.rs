//! The `main` of a plugin's program, and of a host's own program when it was started to serve a linked plugin.

use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;

use plugdock_contracts::PluginId;
use plugdock_contracts::error::ErrorChain;
use plugdock_sandbox::channel;
use tokio::runtime::{Builder, Runtime};

use super::by_hand;
use super::serve::{ServeConfig, serve};
use crate::plugin::{BuiltPlugin, Plugin};
use crate::registry::Registry;

/// The variable that says which of its linked plugins a host's own program is to serve.
pub const PLUGIN_VARIABLE: &str = "PLUGDOCK_PLUGIN";

/// The exit code of a worker that could not serve: what a host shows of it comes from standard error.
const EXIT_NOT_SERVED: i32 = 70;

/// The exit code of a definition that is faulty: the program's author has to act.
const EXIT_FAULTY: u8 = 2;

/// Serves a linked plugin if this process was started to, and never returns then; otherwise returns at once.
///
/// Call it first thing in `main`, before threads and before arguments are read.
pub fn init(registry: &Registry) {
    // Without a channel this is some child of a worker, which inherited the variable and is not meant.
    if std::env::var_os(channel::CHANNEL_VARIABLE).is_none() {
        return;
    }
    let Ok(wanted) = std::env::var(PLUGIN_VARIABLE) else { return };
    let plugin = PluginId::new(&wanted).ok().and_then(|id| registry.get(&id).cloned());
    match plugin {
        Some(plugin) => work(plugin),
        None => fail(&format!("this program has no plugin `{}` linked", wanted.escape_debug())),
    }
}

pub(crate) fn main(plugin: Plugin) -> ExitCode {
    let plugin = match plugin.build() {
        Ok(plugin) => plugin,
        Err(faults) => {
            say(&faults.to_string());
            return ExitCode::from(EXIT_FAULTY);
        }
    };
    if std::env::var_os(channel::CHANNEL_VARIABLE).is_some() {
        work(Arc::new(plugin));
    }
    by_hand::main(&plugin, &std::env::args().skip(1).collect::<Vec<_>>())
}

/// Serves the channel this process inherited, then ends the process whatever still runs in it.
fn work(plugin: Arc<BuiltPlugin>) -> ! {
    match try_work(plugin) {
        Ok(()) => end(0),
        Err(error) => fail(&ErrorChain(&*error).to_string()),
    }
}

fn try_work(plugin: Arc<BuiltPlugin>) -> Result<(), Box<dyn std::error::Error>> {
    let stream = UnixStream::from(channel::take_inherited()?);
    stream.set_nonblocking(true)?;
    let (connection, handlers) = runtimes()?;
    let config = ServeConfig::new(handlers.handle().clone());
    let served = connection.block_on(async {
        let (reader, writer) = tokio::net::UnixStream::from_std(stream)?.into_split();
        serve(reader, writer, plugin, config).await.map_err(Box::<dyn std::error::Error>::from)
    });
    // A handler that does not stop must not keep the process: its threads end with it.
    handlers.shutdown_background();
    served
}

/// One runtime for the connection, on this thread, and one for handlers: a handler that spins cannot stop the first.
fn runtimes() -> io::Result<(Runtime, Runtime)> {
    let connection = Builder::new_current_thread().enable_all().build()?;
    let handlers =
        Builder::new_multi_thread().worker_threads(1).thread_name("handlers").enable_all().build()?;
    Ok((connection, handlers))
}

fn say(text: &str) {
    use std::io::Write as _;
    // Without a reader there is nobody to tell.
    let _told = writeln!(io::stderr(), "plugdock worker: {text}");
}

fn fail(text: &str) -> ! {
    say(text);
    end(EXIT_NOT_SERVED)
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "a worker ends with its host, even while handlers run on other threads"
)]
fn end(code: i32) -> ! {
    use std::io::Write as _;
    let _flushed = io::stdout().flush();
    std::process::exit(code)
}
