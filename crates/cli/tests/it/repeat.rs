//! `plugdock run --repeat`: many executions and their summary.

use std::io::Read as _;

use crate::command::{Ended, Home, program};

#[test]
fn many_executions_give_a_summary_and_the_exit_code_of_the_first_error() {
    let home = Home::new();
    let repeat = |handler: &str, more: &[&str]| -> Ended {
        let args = [
            "run",
            "plugdock/sight",
            handler,
            "--backend",
            "subprocess",
            "--repeat",
            "8",
            "--concurrency",
            "3",
        ];
        home.run(&[&args[..], more].concat())
    };
    let ended = repeat("look", &[]);
    assert_eq!((ended.code, ended.note.as_str()), (0, ""), "{ended:?}");
    for part in ["executions  8 on subprocess\nsucceeded   8\n", "throughput", "8 cold, 0 warm", "8 spawned"]
    {
        assert!(ended.result.contains(part), "{part}: {}", ended.result);
    }
    let document = repeat("look", &["--json"]).json();
    assert_eq!((&document["succeeded"], &document["total"]["count"]), (&8.into(), &8.into()));
    let failed = repeat("nope", &[]);
    failed.failed(66, "error[HANDLER_NOT_FOUND]");
    assert!(failed.result.contains("8 (HANDLER_NOT_FOUND 8)"), "{}", failed.result);
    repeat("look", &["--artifacts", "out"]).failed(2, "--artifacts cannot go with --repeat");
    home.run(&["run", "plugdock/sight", "look", "--repeat", "0"]).failed(2, "0 is not in 1..=10000000");
}

#[test]
fn a_pool_serves_many_executions_with_few_workers() {
    let args = [
        "run",
        "plugdock/sight",
        "look",
        "--backend",
        "worker-pool",
        "--repeat",
        "40",
        "--concurrency",
        "2",
        "--json",
    ];
    let document = Home::new().run(&args).json();
    let workers = &document["workers"];
    assert_eq!(document["succeeded"], 40);
    assert!(workers["spawned"].as_u64().is_some_and(|spawned| (1..=10).contains(&spawned)), "{workers}");
    let starts = [&workers["cold"], &workers["warm"]].map(|count| count.as_u64().unwrap_or_default());
    assert!(starts.iter().sum::<u64>() == 40 && starts[1] >= 30, "{workers}");
}

#[test]
fn an_interrupt_ends_the_series_with_a_summary_and_130() {
    let home = crate::run::home();
    let args = ["run", "probe", "wait", "--repeat", "1000", "--concurrency", "2"];
    let mut child = home.spawn(&args, &[]);
    let leases = home.path().join(".local/share/plugdock/workspaces");
    // Two leases mean that two executions run; nothing else tells, because log lines are not printed.
    let running = || {
        let hosts = std::fs::read_dir(&leases).into_iter().flatten().filter_map(Result::ok);
        let leases = hosts.filter_map(|host| std::fs::read_dir(host.path().join("leases")).ok());
        leases.flatten().count()
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while running() < 2 {
        assert!(std::time::Instant::now() < until, "nothing runs");
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    assert!(program("/bin/kill").args(["-INT", &id]).status().expect("kill runs").success());
    let (mut result, mut note) = (String::new(), String::new());
    child.stdout.take().expect("it is piped").read_to_string(&mut result).expect("text");
    child.stderr.take().expect("it is piped").read_to_string(&mut note).expect("text");
    assert_eq!(child.wait().expect("it is our child").code(), Some(130), "{note}");
    assert!(result.starts_with("executions  2 of 1000 on subprocess\n"), "{result}");
    assert!(note.contains("error[ABORTED]: SIGINT after 2 of 1000"), "{note}");
}
