//! The end of an execution whose processes are dead: artifacts are collected, storage is measured, the workspace goes.

use plugdock_contracts::Outcome;
use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError, Resource};
use plugdock_contracts::workspace::{CollectedArtifacts, WorkspaceLease};

use super::engine_core::Engine;
use super::supervise::workspace_error;
use super::{Carried, Carrier, Job};

impl<C: Carrier> Engine<C> {
    pub(super) async fn conclude(
        &self,
        job: &Job,
        carried: Carried,
        lease: Box<dyn WorkspaceLease>,
    ) -> Outcome {
        let mut outcome = Outcome::new(job.id().clone(), self.parts.carrier.kind(), carried.result);
        outcome.timings.spawn = carried.spawn;
        outcome.timings.run = carried.run;
        outcome.usage = carried.usage;
        outcome.worker = carried.worker;
        outcome.start = carried.start;
        outcome.attempts = carried.attempts;
        outcome.sandbox = carried.sandbox;
        outcome.workspace = Some(lease.id().clone());
        // Counting walks the disk. The lease comes back unless counting panicked; then its drop has released it.
        let counted = tokio::task::spawn_blocking(move || (lease.usage(), lease)).await;
        let Ok((usage, lease)) = counted else {
            outcome.result =
                Err(ExecutionError::new(ErrorCode::WorkspaceError, "the workspace could not be counted"));
            return outcome;
        };
        if let Ok(usage) = usage {
            outcome.usage.storage_bytes = Some(usage.bytes);
            let limit = job.request.workspace.storage_limit.or(job.limits.storage);
            if let (true, Some(limit)) = (outcome.is_ok(), limit.filter(|limit| usage.bytes > limit.bytes()))
            {
                let message = format!("the workspace holds {} bytes, the limit is {limit}", usage.bytes);
                outcome.result =
                    Err(ExecutionError::new(ErrorCode::StorageExceeded, message)
                        .with_resource(Resource::Storage));
            }
        }
        // What was abandoned may still write; its files are nobody's result.
        let outdir = job.request.artifacts.outdir.as_deref();
        let collected =
            if carried.abandoned { Ok(CollectedArtifacts::default()) } else { lease.collect(outdir).await };
        match collected {
            Ok(artifacts) => outcome.artifacts = artifacts,
            // A failure of the handler tells more than artifacts that could not be collected because of it.
            Err(error) if outcome.is_ok() => outcome.result = Err(workspace_error(&error)),
            Err(error) => {
                tracing::warn!(execution = %job.id(), error = %ErrorChain(&error), "artifacts were not collected");
            }
        }
        if let Err(error) = lease.release().await {
            tracing::warn!(execution = %job.id(), error = %ErrorChain(&error), "workspace was not released");
        }
        outcome
    }
}
