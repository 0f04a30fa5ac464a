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
        output.result_line(&json!(found).to_string());
        return;
    }
    let form = output.form();
    let paint = Paint(form.colour && form.result_terminal);
    output.result_line(&format!("kernel {}, user {}", found.kernel, found.uid));
    for profile in &found.profiles {
        let missing: Vec<String> = profile.missing.iter().map(ToString::to_string).collect();
        let word = if missing.is_empty() {
            "can be had".to_owned()
        } else {
            format!("lacks {}", missing.join("; "))
        };
        output.result_line(&format!("profile {}: {word}", profile.profile));
    }
    output.result_line(&format!(
        "a worker under `{}`, which it has unless another is configured:",
        found.strongest
    ));
    for line in mechanisms(&found.mechanisms, paint) {
        output.result_line(&line);
    }
    output.result_line("this machine offers, and this version does not use yet:");
    for line in mechanisms(&found.available, paint) {
        output.result_line(&line);
    }
    let missing =
        found.mechanisms.iter().filter(|mechanism| mechanism.state == MechanismState::NotEnforced).count();
    if missing > 0 {
        output.note(&format!("{missing} of {} mechanisms are not enforced", found.mechanisms.len()));
    }
}
