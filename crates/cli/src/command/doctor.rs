//! `plugdock doctor`: what this machine can enforce.

use clap::Args;
use plugdock_contracts::outcome::MechanismState;
use serde_json::json;

use crate::output::Output;
use crate::render::{Paint, mechanisms};

/// Say what this machine can enforce
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn doctor(args: &Doctor, output: &Output) {
    let found = plugdock::doctor();
    if args.json {
        output.result_line(&json!({ "mechanisms": found }).to_string());
        return;
    }
    let form = output.form();
    for line in mechanisms(&found, Paint(form.colour && form.result_terminal)) {
        output.result_line(&line);
    }
    let missing = found.iter().filter(|mechanism| mechanism.state == MechanismState::NotEnforced).count();
    if missing > 0 {
        output.note(&format!("{missing} of {} mechanisms cannot be enforced on this machine", found.len()));
    }
}
