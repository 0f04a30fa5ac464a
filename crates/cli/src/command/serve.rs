//! `plugdock serve`: keeps a backend alive behind a socket, for `call`, `ps`, `top` and the others.

use std::path::PathBuf;

use clap::Args;
use plugdock_contracts::ErrorChain;
use plugdock_core_runtime::CoreRuntime;

use super::host::{self, HostArgs};
use super::socket;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::{self, Paint};
use crate::serve::{ListenError, Listener, Server, own_uid};

/// The largest input where nothing else is configured, as `limits.payload` documents it.
const DEFAULT_MAX_INPUT: u64 = 64 << 20;

/// Keep a backend alive behind a socket
///
/// The same user and root may use it, with `plugdock call`, `ps`, `top`, `stats`, `logs`, `resize`, `reload` and `drain`, or
/// with any program that speaks the protocol in docs/serve-protocol.md. Ctrl-C and SIGTERM let what runs finish; a second
/// one stops at once. Without --socket it listens at plugdock/plugdock.sock in `XDG_RUNTIME_DIR`, else at run/plugdock.sock in
/// `platform.data_dir`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Listen here, instead of plugdock.sock in the user's runtime folder or in the data folder
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

pub(crate) async fn serve(args: &Serve, output: &Output) -> Result<(), Failure> {
    let config = host::configure_server(&args.host)?;
    let signals = host::signals()?;
    let uid = own_uid().map_err(|error| Failure::usage(format!("failed to make a socket: {error}")))?;
    let listener = match &args.socket {
        Some(path) => Listener::bind(path).await,
        None => Listener::bind_in_own_folder(&socket::of_user(&config)).await,
    };
    let listener = listener.map_err(|error| no_socket(&error))?;
    let runtime = host::start(config, output).await?;
    output.note(&format!(
        "serving {} at {} (process {}); Ctrl-C or `plugdock drain` stops it",
        runtime.choice().kind,
        listener.path().display(),
        std::process::id()
    ));
    let report = server(&runtime, uid).run(&listener, signals, |text| output.note(text)).await;
    host::stop(&runtime, output).await;
    drop(listener);
    let paint = Paint(output.form().colour);
    output.note(&paint.faint(&render::shutdown(&report)));
    Ok(())
}

fn server(runtime: &CoreRuntime, uid: u32) -> Server {
    let max_input =
        runtime.config().limits().payload.map_or(DEFAULT_MAX_INPUT, plugdock_contracts::ByteSize::bytes);
    Server::new(
        std::sync::Arc::clone(runtime.backend()),
        runtime.choice().clone(),
        uid,
        usize::try_from(max_input).unwrap_or(usize::MAX),
        runtime.config().shutdown().drain,
    )
}

fn no_socket(error: &ListenError) -> Failure {
    let message = ErrorChain(error).to_string();
    match error {
        ListenError::Alive { .. } => Failure::usage_with_help(
            message,
            "use it, end it with `plugdock drain`, or choose another path with --socket",
        ),
        ListenError::OpenFolder { path, .. } => {
            Failure::usage_with_help(message, format!("chmod 700 {}, if it is yours", path.display()))
        }
        ListenError::NoSocket { .. } => {
            Failure::usage_with_help(message, "remove it, or choose another path with --socket")
        }
        ListenError::System { .. } => Failure::usage_with_help(
            message,
            "choose a path with --socket, in a folder that exists and is yours",
        ),
    }
}
