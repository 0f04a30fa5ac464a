//! Files that the host opens for a handler: as far as a grant reaches, and never through what was planted on the way.
//! What the handler's own process may open is not asked here.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plugdock_contracts::ExecutionRequest;
use plugdock_contracts::permission::{Grant, PermissionKind, Permissions};
use plugdock_contracts::workspace::WorkspaceKind;
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::plugin::BROKERED;

/// A directory `ws` that is the workspace, `data` with a file, and `outside` with a secret, in the test's own.
struct Bench {
    root: PathBuf,
}

fn bench(h: &Harness) -> Bench {
    let root = h.root().canonicalize().unwrap();
    for dir in ["ws", "data", "outside"] {
        fs::create_dir(root.join(dir)).unwrap();
    }
    fs::write(root.join("data/a.txt"), "one").unwrap();
    fs::write(root.join("outside/secret"), "secret").unwrap();
    Bench { root }
}

impl Bench {
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn text(&self, path: &str) -> String {
        self.at(path).to_str().unwrap().to_owned()
    }

    /// A request that works in `ws`, with these grants.
    fn request(&self, h: &Harness, handler: &str, input: &Value, grants: Vec<Grant>) -> ExecutionRequest {
        let mut request = h.request_of(BROKERED, handler, input);
        request.descriptor.permissions = Some(Permissions::from_grants(grants).unwrap());
        request.workspace.kind = WorkspaceKind::Existing { dir: self.at("ws") };
        request
    }

    /// Does the steps and tells what came of each.
    async fn told(&self, h: &Harness, steps: Value, grants: Vec<Grant>) -> Vec<Value> {
        let outcome = h.outcome(self.request(h, "fs", &steps, grants)).await;
        outcome.into_value().unwrap_or_else(|error| panic!("{error:?}"))
    }

    fn holds_only_the_secret(&self) -> bool {
        let names: Vec<_> =
            fs::read_dir(self.at("outside")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names == ["secret"] && fs::read_to_string(self.at("outside/secret")).unwrap() == "secret"
    }
}

fn read(scope: &[&str]) -> Grant {
    Grant::new(PermissionKind::FsRead, scope.iter().copied())
}

fn write(scope: &[&str]) -> Grant {
    Grant::new(PermissionKind::FsWrite, scope.iter().copied())
}

/// Both, for the whole workspace.
fn own() -> Vec<Grant> {
    vec![read(&["workspace"]), write(&["workspace"])]
}

fn codes(told: &[Value]) -> Vec<&str> {
    told.iter().map(|told| told["code"].as_str().unwrap_or("done")).collect()
}

pub(crate) async fn granted_files_are_written_read_listed_and_removed(h: &mut Harness) {
    let bench = bench(h);
    let steps = json!([
        { "create_dir": "workspace/out" },
        { "write": ["workspace/out/b.txt", "two"] },
        { "read": "out/b.txt" },
        { "stat": "out/b.txt" },
        { "rename": ["out/b.txt", "out/c.txt"] },
        { "list": "out" },
        { "remove": "out/c.txt" },
        { "remove": "out/c.txt" },
        { "stat": "out/c.txt" },
        { "read": bench.text("data/a.txt") },
        { "read": "out/c.txt" },
    ]);
    let mut grants = own();
    grants.push(read(&[&bench.text("data")]));
    let told = bench.told(h, steps, grants).await;
    let expected = json!([
        true,
        null,
        "two",
        { "kind": "file", "size": 3 },
        null,
        [{ "name": "c.txt", "kind": "file" }],
        true,
        false,
        null,
        "one",
    ]);
    assert_eq!(json!(told[..10]), expected);
    assert_eq!(
        (&told[10]["code"], &told[10]["details"]["reason"]),
        (&json!("VALIDATION_ERROR"), &json!("not_found"))
    );
    assert!(bench.at("ws/out").is_dir(), "it was made where the host's own eyes see it");
}

pub(crate) async fn a_file_without_a_grant_is_denied_and_the_grant_named(h: &mut Harness) {
    let bench = bench(h);
    let file = bench.text("data/a.txt");
    let steps = json!([{ "read": file }, { "write": [file, "x"] }, { "list": "workspace" }]);
    let told = bench.told(h, steps, vec![read(&["workspace/out"])]).await;
    assert_eq!(codes(&told), ["PERMISSION_DENIED"; 3]);
    let missing: Vec<_> = told.iter().map(|told| told["details"]["missing"].as_str().unwrap()).collect();
    let expected = [
        format!("fs.read scope {file:?}"),
        format!("fs.write scope {file:?}"),
        r#"fs.read scope "workspace""#.to_owned(),
    ];
    assert_eq!(missing, expected);
    let audited: Vec<_> = h.services().audit.entries().iter().map(|e| e.event.permission.clone()).collect();
    assert_eq!(audited, ["fs.read", "fs.write", "fs.read"]);
    assert_eq!(fs::read_to_string(bench.at("data/a.txt")).unwrap(), "one");
}

pub(crate) async fn a_grant_of_files_covers_whole_names_only(h: &mut Harness) {
    let bench = bench(h);
    for path in ["data-evil/a.txt", "ws/src/a.ts", "ws/src/a.ts.bak", "ws/src/deep/a.ts"] {
        fs::create_dir_all(bench.at(path).parent().unwrap()).unwrap();
        fs::write(bench.at(path), "there").unwrap();
    }
    let grants = vec![read(&[&bench.text("data"), "src/*.ts"])];
    let evil = bench.text("data-evil/a.txt");
    let up = format!("{}/../outside/secret", bench.text("data"));
    let steps = [
        "src/a.ts",
        "src//./a.ts",
        "src/x/../a.ts",
        &evil,
        "src/a.ts.bak",
        "src/deep/a.ts",
        "Src/a.ts",
        "src",
        &up,
        "../outside/secret",
        "workspace/../../outside/secret",
    ];
    let told = bench.told(h, steps.map(|path| json!({ "read": path })).to_vec().into(), grants).await;
    assert_eq!(told[..3], ["there"; 3], "the same file, however it is written");
    assert_eq!(codes(&told[3..]), ["PERMISSION_DENIED"; 8]);
}

pub(crate) async fn a_link_that_leads_out_is_refused(h: &mut Harness) {
    let bench = bench(h);
    symlink(bench.at("outside/secret"), bench.at("ws/file")).unwrap();
    symlink(bench.at("outside"), bench.at("ws/dir")).unwrap();
    let steps = json!([
        { "read": "file" },
        { "read": "dir/secret" },
        { "list": "dir" },
        { "write": ["file", "x"] },
        { "write": ["dir/new", "x"] },
        { "create_dir": "dir/new" },
        { "remove": "dir/secret" },
        { "rename": ["dir/secret", "mine"] },
    ]);
    let told = bench.told(h, steps, own()).await;
    assert_eq!(codes(&told), ["PERMISSION_DENIED"; 8]);
    assert!(
        told[0]["message"].as_str().unwrap().contains("a symbolic link on the way is never followed"),
        "{told:?}"
    );
    assert!(bench.holds_only_the_secret());
    let audited = h.services().audit.entries();
    assert_eq!(audited.len(), 8, "what was only seen on disk is audited as well");
    assert!(audited.iter().all(|entry| entry.event.rule.is_some()));
}

/// Renames something to and fro until it is dropped or told to stop.
struct Swapping {
    done: Arc<AtomicBool>,
    swaps: tokio::task::JoinHandle<usize>,
}

impl Swapping {
    /// Has `place` be `one` and `other` in turns.
    fn start(place: PathBuf, one: PathBuf, other: PathBuf) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        let swaps = tokio::task::spawn_blocking(move || {
            let mut n = 0;
            while !stop.load(Ordering::Acquire) {
                for what in [&one, &other] {
                    fs::rename(what, &place).unwrap();
                    fs::rename(&place, what).unwrap();
                    n += 1;
                }
            }
            n
        });
        Self { done, swaps }
    }

    async fn end(self) -> usize {
        self.done.store(true, Ordering::Release);
        self.swaps.await.unwrap()
    }
}

pub(crate) async fn swapping_a_directory_for_a_link_never_leads_out(h: &mut Harness) {
    let bench = bench(h);
    fs::create_dir(bench.at("ws/one")).unwrap();
    fs::write(bench.at("ws/one/secret"), "harmless").unwrap();
    // Relative, so that it leaves no mount.
    symlink("../outside", bench.at("ws/other")).unwrap();
    let mut execution = h.start(bench.request(h, "fs-read-often", &json!("place/secret"), own())).await;
    let events = h.until_log(&mut execution, "ready").await;
    let swapping = Swapping::start(bench.at("ws/place"), bench.at("ws/one"), bench.at("ws/other"));
    let taken = h.take_rest(execution, events).await;
    assert!(swapping.end().await > 0);
    let seen: Vec<String> = taken.outcome.into_value().unwrap();
    let known = ["harmless", "PERMISSION_DENIED", "VALIDATION_ERROR"];
    assert!(seen.iter().all(|seen| known.contains(&seen.as_str())), "{seen:?}");
    assert!(bench.holds_only_the_secret());
}

pub(crate) async fn a_pipe_does_not_keep_anybody_waiting(h: &mut Harness) {
    let bench = bench(h);
    #[expect(clippy::disallowed_methods, reason = "the test has no other way to make a pipe with a name")]
    let made = std::process::Command::new("/usr/bin/mkfifo").arg(bench.at("ws/pipe")).status().unwrap();
    assert!(made.success());
    let steps = json!([{ "read": "pipe" }, { "write": ["pipe", "x"] }, { "stat": "pipe" }]);
    let told = bench.told(h, steps, own()).await;
    let reasons: Vec<_> = told[..2].iter().map(|told| &told["details"]["reason"]).collect();
    assert_eq!(reasons, ["not_a_file"; 2]);
    assert_eq!(told[2]["kind"], "other");
}

pub(crate) async fn names_that_hold_secrets_are_refused_whatever_is_granted(h: &mut Harness) {
    let bench = bench(h);
    fs::create_dir(bench.at("ws/.git")).unwrap();
    for name in [".env", ".git/config", "server.pem", "id_rsa"] {
        fs::write(bench.at("ws").join(name), "secret").unwrap();
    }
    let paths = [".env", ".git/config", "server.pem", "id_rsa", ".ENV", "/proc/self/environ", "/dev/null"];
    let mut steps = paths.map(|path| json!({ "read": path })).to_vec();
    steps.push(json!({ "write": [".git/hooks/pre-commit", "x"] }));
    steps.push(json!({ "list": "workspace" }));
    let mut grants = own();
    grants.push(read(&["/"]));
    let mut told = bench.told(h, steps.into(), grants).await;
    assert_eq!(told.pop().unwrap(), json!([]), "a list is silent about them");
    assert_eq!(codes(&told), ["PERMISSION_DENIED"; 8]);
    assert!(told.iter().all(|told| told["details"]["missing"].is_null()), "no grant would help: {told:?}");
}

pub(crate) async fn a_file_is_replaced_whole(h: &mut Harness) {
    let bench = bench(h);
    let texts = ["a".repeat(70_000), "b".repeat(30_000)];
    fs::write(bench.at("ws/file"), &texts[0]).unwrap();
    let request = bench.request(h, "fs-write-in-turns", &json!(["file", texts]), own());
    let mut execution = h.start(request).await;
    let events = h.until_log(&mut execution, "ready").await;
    let (path, whole, done) = (bench.at("ws/file"), texts.clone(), Arc::new(AtomicBool::new(false)));
    let stop = Arc::clone(&done);
    let watching = tokio::task::spawn_blocking(move || {
        while !stop.load(Ordering::Acquire) {
            let seen = fs::read_to_string(&path).expect("it is always there");
            assert!(whole.contains(&seen), "{} bytes of neither", seen.len());
        }
    });
    let taken = h.take_rest(execution, events).await;
    done.store(true, Ordering::Release);
    watching.await.unwrap();
    assert!(taken.outcome.is_ok(), "{:?}", taken.outcome.error());
    assert_eq!(fs::read_dir(bench.at("ws")).unwrap().count(), 1, "nothing half written is left");
}

pub(crate) async fn a_file_is_not_moved_to_where_it_can_be_read(h: &mut Harness) {
    let bench = bench(h);
    let (inbox, secret) = (bench.text("outside"), bench.text("outside/secret"));
    let grants = vec![read(&["workspace"]), write(&["workspace", &inbox])];
    let steps = json!([{ "rename": [secret, "mine"] }, { "stat": "mine" }]);
    let told = bench.told(h, steps, grants).await;
    assert_eq!((codes(&told), &told[1]), (vec!["PERMISSION_DENIED", "done"], &Value::Null));
    assert_eq!(told[0]["details"]["missing"], format!("fs.read scope {secret:?}"));
    assert!(bench.holds_only_the_secret());
}

pub(crate) async fn a_file_over_the_limit_is_too_large(h: &mut Harness) {
    let bench = bench(h);
    let sparse = |path: &Path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
    sparse(&bench.at("ws/sparse"));
    let told = bench.told(h, json!([{ "read": "sparse" }, { "stat": "sparse" }]), own()).await;
    assert_eq!(codes(&told), ["PAYLOAD_TOO_LARGE", "done"]);
    assert_eq!(told[1]["size"], 1_u64 << 40);
}
