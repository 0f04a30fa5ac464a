//! What dead hosts leave and live ones share.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use plugdock_contracts::workspace::WorkspaceManager as _;
use plugdock_execution_factory::workspace::LocalWorkspaceManager;

use super::fixture::{acquire, again, child_dir, dig, names, root_in, temporary};

/// A host that takes workspaces, says so and waits to be killed.
async fn doomed_host(root: &Path) {
    let manager = LocalWorkspaceManager::open(root).unwrap();
    let plain = acquire(&manager, "plain").await;
    fs::write(plain.dir().join("file"), "x").unwrap();
    dig(plain.dir(), 100, nix::sys::stat::Mode::S_IRWXU);
    let mut kept = acquire(&manager, "kept").await;
    kept.keep();
    fs::write(kept.dir().join("result"), "x").unwrap();
    let mut stdout = std::io::stdout();
    stdout.write_all(b"\nready\n").unwrap();
    stdout.flush().unwrap();
    // Ends with the parent, should that fail before it kills.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[tokio::test]
async fn a_killed_host_leaves_what_the_next_start_removes() {
    if let Some(root) = child_dir() {
        return doomed_host(&root).await;
    }
    let dir = temporary();
    let root = root_in(&dir);
    let mut host = again("workspace::sweep::a_killed_host_leaves_what_the_next_start_removes", &root, "")
        .spawn()
        .unwrap();
    let said =
        BufReader::new(host.stdout.take().unwrap()).lines().map_while(Result::ok).any(|line| line == "ready");
    assert!(said, "the host ended before it was ready");

    let neighbour = LocalWorkspaceManager::open(&root).unwrap();
    assert_eq!(neighbour.sweep_report().hosts_alive, 1);
    assert_eq!(neighbour.sweep_report().hosts_removed, 0);
    neighbour.close().await.unwrap();

    host.kill().unwrap();
    host.wait().unwrap();
    let next = LocalWorkspaceManager::open(&root).unwrap();
    let report = next.sweep_report();
    assert_eq!((report.hosts_alive, report.hosts_with_kept, report.hosts_failed), (0, 1, 0), "{report:?}");
    assert!(report.directories_removed > 100, "{report:?}");
    let own = LocalWorkspaceManager::open(&root).unwrap();
    assert_eq!(own.sweep_report().hosts_alive, 1);
    own.close().await.unwrap();
    next.close().await.unwrap();

    let left = super::fixture::only_host(&root).join("leases");
    assert_eq!(names(&left), ["kept"]);
    assert_eq!(names(&left.join("kept")), ["artifacts", "work"]);
    assert_eq!(fs::read_to_string(left.join("kept/work/result")).unwrap(), "x");

    // When whoever wanted it took it away, nothing is left of the dead host either.
    plugdock_execution_factory::workspace::TreeRemover::new().remove(&left.join("kept")).unwrap();
    let last = LocalWorkspaceManager::open(&root).unwrap();
    assert_eq!(last.sweep_report().hosts_removed, 1);
    last.close().await.unwrap();
    assert_eq!(names(&root), Vec::<String>::new());
}

#[tokio::test]
async fn two_hosts_share_a_root() {
    let dir = temporary();
    let root = root_in(&dir);
    let (one, two) =
        (LocalWorkspaceManager::open(&root).unwrap(), LocalWorkspaceManager::open(&root).unwrap());
    assert_eq!(two.sweep_report().hosts_alive, 1);
    // The same id in two hosts is two executions.
    let (a, b) = (acquire(&one, "run").await, acquire(&two, "run").await);
    assert_ne!(a.dir(), b.dir());
    a.release().await.unwrap();
    one.close().await.unwrap();
    assert!(b.dir().exists());
    b.release().await.unwrap();
    two.close().await.unwrap();
    assert_eq!(names(&root), Vec::<String>::new());
}

#[tokio::test]
async fn a_host_that_died_at_any_point_of_its_start_is_swept() {
    let dir = temporary();
    let root = root_in(&dir);
    LocalWorkspaceManager::open(&root).unwrap().close().await.unwrap();
    for (name, parts) in [
        ("host-1", &[][..]),
        ("host-2", &[""]),
        ("host-3", &["leases"]),
        ("host-4", &["leases/run", "kept"]),
        ("host-5", &["leases/run/work", "kept", "trash/released-1/work"]),
    ] {
        fs::write(root.join(format!("{name}.lock")), "").unwrap();
        for part in parts {
            fs::create_dir_all(root.join(name).join(part)).unwrap();
        }
    }
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    assert_eq!((manager.sweep_report().hosts_removed, manager.sweep_report().hosts_failed), (5, 0));
    manager.close().await.unwrap();
    assert_eq!(names(&root), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_ours_in_the_root_is_left_alone() {
    let dir = temporary();
    let root = root_in(&dir);
    LocalWorkspaceManager::open(&root).unwrap().close().await.unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    // Without a lock file nothing says whose it is.
    fs::create_dir_all(root.join("host-unlocked/leases/run")).unwrap();
    fs::write(root.join("notes.txt"), "x").unwrap();
    fs::write(root.join("other.lock"), "x").unwrap();
    // A link in the place of a host's directory or of its lock leads nowhere.
    std::os::unix::fs::symlink(&outside, root.join("host-link")).unwrap();
    fs::write(root.join("host-link.lock"), "").unwrap();
    std::os::unix::fs::symlink(outside.join("precious"), root.join("host-x.lock")).unwrap();
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    assert_eq!(manager.sweep_report().hosts_failed, 2);
    manager.close().await.unwrap();
    assert_eq!(names(&outside), ["precious"]);
    assert_eq!(
        names(&root),
        ["host-link", "host-link.lock", "host-unlocked", "host-x.lock", "notes.txt", "other.lock"]
    );
}

#[test]
fn hosts_that_start_together_sweep_without_harm() {
    let dir = temporary();
    let root = root_in(&dir);
    drop(LocalWorkspaceManager::open(&root).unwrap());
    for host in 0..20 {
        fs::create_dir_all(root.join(format!("host-{host}/leases/run/work/a/b/c"))).unwrap();
        fs::write(root.join(format!("host-{host}.lock")), "").unwrap();
    }
    let managers: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> =
            (0..4).map(|_| scope.spawn(|| LocalWorkspaceManager::open(&root).unwrap())).collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(managers.iter().all(|manager| manager.sweep_report().hosts_failed == 0));
    let removed: u64 = managers.iter().map(|manager| manager.sweep_report().hosts_removed).sum();
    // The manager opened first may be counted, if its thread had not finished; nobody removes a host twice.
    assert!((20..=21).contains(&removed), "{removed}");
    for host in 0..20 {
        assert!(!root.join(format!("host-{host}")).exists());
    }
}
