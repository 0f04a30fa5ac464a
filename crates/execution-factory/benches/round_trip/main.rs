//! `cargo bench -p plugdock-execution-factory`: round trip and throughput of each backend, with what the machine charges
//! for waking another process in the same run. It prints Markdown and asserts nothing: times are for people to compare.
//! `-- --quick` measures one round, `-- --queue` the queue alone.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod backend;
mod floor;
mod queue;
mod sample;
mod table;

use std::sync::Arc;

use plugdock_contracts::describe::{HandlerDescription, HandlerKind};
use plugdock_contracts::{BackendKind, BoxFuture, HandlerId, Payload};
use plugdock_execution_factory::{Registry, init_with};
use plugdock_plugin_runtime::handler::{CallIo, Handler};
use plugdock_plugin_runtime::{Ctx, HandlerError, Plugin};

use crate::backend::Bench;
use crate::sample::Rounds;

/// Rounds in which everything is measured once, one after the other: what the machine does meanwhile hits all alike.
const ROUNDS: usize = 7;

/// The plugin that is measured: it answers what it gets.
pub(crate) const PLUGIN: &str = "bench/echo";

/// Answers its input, unread: what is measured is the way there and back.
struct Echo {
    name: HandlerId,
    concurrent: bool,
}

impl Echo {
    fn named(name: &str, concurrent: bool) -> Self {
        Self { name: HandlerId::new(name).expect("the name is valid"), concurrent }
    }
}

impl Handler for Echo {
    fn describe(&self) -> HandlerDescription {
        let mut description = HandlerDescription::new(self.name.clone(), HandlerKind::Call);
        description.concurrent = self.concurrent;
        description
    }

    fn call(
        &self,
        _ctx: Ctx,
        input: Payload,
        _io: CallIo,
    ) -> BoxFuture<'static, Result<Payload, HandlerError>> {
        Box::pin(std::future::ready(Ok(input)))
    }
}

fn registry() -> Registry {
    let plugin = Plugin::new(PLUGIN, "1.0.0")
        .custom(Arc::new(Echo::named("echo", false)))
        .custom(Arc::new(Echo::named("together", true)));
    Registry::new().with(plugin).expect("the plugin's definition is sound")
}

fn main() {
    floor::answer_if_asked();
    init_with(&registry());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let told = |flag: &str| std::env::args().any(|argument| argument == flag);
    let quick = told("--quick");
    let rounds = if quick { 1 } else { ROUNDS };
    println!("{}\n", table::machine());
    if told("--queue") {
        println!("{}", runtime.block_on(queue::measure(rounds, quick)));
        return;
    }
    runtime.block_on(async {
        let mut table = Rounds::default();
        let benches = [
            Bench::new(BackendKind::InProcess).await,
            Bench::new(BackendKind::Subprocess).await,
            Bench::new(BackendKind::WorkerPool).await,
        ];
        for _ in 0..rounds {
            floor::measure(&mut table);
            for bench in &benches {
                bench.measure(&mut table).await;
            }
        }
        for bench in benches {
            bench.end().await;
        }
        println!("{}", table::render(&table));
        println!("{}", queue::measure(rounds, quick).await);
    });
}
