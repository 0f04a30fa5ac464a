//! `cargo bench -p plugdock-execution-factory --bench confinement`: what each sandbox profile adds to the start of a process,
//! from the request to the first byte that its program writes, beside a start by the standard library in the same run.
//! It prints Markdown and asserts nothing. Linux only; `restricted` needs Landlock 6 and seccomp.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use plugdock_contracts::permission::Permissions;
use plugdock_contracts::{BoxFuture, Limits};
use plugdock_execution_factory::process::{
    ForwardLimits, OutputReader, Spawn as _, SpawnSpec, SpawnerClient, SpawnerConfig, environment,
};
use plugdock_sandbox::{FileAccess, FileRule, HostCapabilities, RuleOrigin, SandboxPlan, SandboxProfile};

/// Starts of each kind, one after the other, so that what the machine does meanwhile hits all alike.
const ROUNDS: usize = 200;

/// The program: the shell writes a byte, and ends.
const PROGRAM: &str = "/bin/sh";
const ARGUMENTS: [&str; 2] = ["-c", "echo x"];

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(measure());
}

async fn measure() {
    let mut config = SpawnerConfig::default();
    config.program = Some(env!("CARGO_BIN_EXE_plugdock-spawner").into());
    let client = SpawnerClient::start(config).await.expect("the spawner starts");
    let dir = std::env::temp_dir();
    let machine = HostCapabilities::probe();
    let plans: Vec<SandboxPlan> =
        SandboxProfile::ALL.into_iter().filter_map(|profile| plan(profile, &machine, &dir)).collect();
    let mut floor = Vec::new();
    let mut times = vec![Vec::new(); plans.len()];
    for _ in 0..ROUNDS {
        floor.push(bare());
        for (plan, times) in plans.iter().zip(&mut times) {
            times.push(start(&client, plan, &dir).await);
        }
    }
    let floor = median(&mut floor);
    println!("| start | median | to the floor |\n|---|---|---|");
    println!("| `std::process` | {} us | 1.00 |", floor.as_micros());
    let mut first = None;
    for (plan, times) in plans.iter().zip(&mut times) {
        let median = median(times);
        let trusted = *first.get_or_insert(median);
        println!(
            "| `{}` | {} us | {:.2} ({:.2} of `trusted`) |",
            plan.profile,
            median.as_micros(),
            median.as_secs_f64() / floor.as_secs_f64(),
            median.as_secs_f64() / trusted.as_secs_f64(),
        );
    }
    client.shutdown().await;
}

fn plan(profile: SandboxProfile, machine: &HostCapabilities, dir: &Path) -> Option<SandboxPlan> {
    let mut plan =
        SandboxPlan::compute(&Permissions::deny_all(), &Limits::default(), profile, machine).ok()?;
    for path in [PROGRAM, "/lib", "/lib64"] {
        plan.allow(FileRule::new(path, FileAccess::Run, RuleOrigin::Runtime));
    }
    plan.allow(FileRule::new(dir, FileAccess::Write, RuleOrigin::Own));
    Some(plan)
}

/// The floor: what a host does without plugdock, by the way that does not copy its memory.
fn bare() -> Duration {
    let begun = Instant::now();
    #[expect(clippy::disallowed_methods, reason = "the floor is a start without plugdock")]
    let mut child = std::process::Command::new(PROGRAM)
        .args(ARGUMENTS)
        .env_clear()
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let mut byte = [0];
    child.stdout.take().expect("it is piped").read_exact(&mut byte).expect("it writes");
    let took = begun.elapsed();
    child.wait().expect("it ends");
    took
}

fn start<'a>(client: &'a SpawnerClient, plan: &SandboxPlan, dir: &Path) -> BoxFuture<'a, Duration> {
    let spec = SpawnSpec {
        program: PROGRAM.into(),
        args: ARGUMENTS.map(str::to_owned).to_vec(),
        env: environment::scrubbed(dir, dir),
        dir: dir.to_owned(),
        plan: plan.clone(),
        setup_within: Duration::from_secs(10),
    };
    Box::pin(async move {
        let begun = Instant::now();
        let mut worker = client.spawn(spec).await.expect("the worker starts");
        let stdout = worker.take_stdout().expect("nobody took it");
        let mut reader = OutputReader::new(stdout, ForwardLimits::default());
        reader.next().await.expect("it writes");
        let took = begun.elapsed();
        worker.exited().await;
        took
    })
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
