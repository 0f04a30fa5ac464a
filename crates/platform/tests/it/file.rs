//! The host's files, with what somebody could plant among them and change while they are opened.
//! Every test has a directory of its own. That a path is granted is taken for given here.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use plugdock_contracts::file::{FileKind, FsService, GrantedPath};
use plugdock_contracts::permission::{NormalPath, PathPattern, PathRoot};
use plugdock_contracts::service::{ServiceError, ServiceScope};
use plugdock_contracts::{ByteSize, ErrorCode, ExecutionError};
use plugdock_platform::{FileConfig, HostFiles};
use rustix::fs::{CWD, FileType, Mode, RenameFlags};
use tempfile::TempDir;

use crate::owner::plugin;

struct Bench {
    files: HostFiles,
    scope: ServiceScope,
    root: TempDir,
}

/// A workspace with `a.txt`, beside a directory `outside` with `secret`.
fn bench_of(config: FileConfig) -> Bench {
    let root = tempfile::tempdir().unwrap();
    for dir in ["ws", "outside"] {
        fs::create_dir(root.path().join(dir)).unwrap();
    }
    fs::write(root.path().join("ws/a.txt"), "one").unwrap();
    fs::write(root.path().join("outside/secret"), "secret").unwrap();
    let mut scope = plugin("a/b");
    scope.workspace = Some(root.path().join("ws"));
    Bench { files: HostFiles::new(config).unwrap(), scope, root }
}

fn bench() -> Bench {
    bench_of(FileConfig::default())
}

impl Bench {
    fn at(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    async fn read(&self, path: &str) -> Result<Bytes, ServiceError> {
        self.files.read(&self.scope, &workspace(path)).await
    }

    async fn write(&self, path: &str, contents: &'static str) -> Result<(), ServiceError> {
        self.files.write(&self.scope, &workspace(path), Bytes::from_static(contents.as_bytes())).await
    }

    fn names(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(dir)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A path of the workspace, granted with all of it.
fn workspace(path: &str) -> GrantedPath {
    GrantedPath::new(
        NormalPath::inside(PathRoot::Workspace, path).unwrap(),
        NormalPath::inside(PathRoot::Workspace, "").unwrap(),
    )
}

/// An absolute path, granted by this pattern.
fn absolute(path: &Path, pattern: &Path) -> GrantedPath {
    let pattern: PathPattern = pattern.to_str().unwrap().parse().unwrap();
    GrantedPath::new(NormalPath::parse(path.to_str().unwrap()).unwrap(), pattern.base())
}

/// `denied`, the reason for programs, or the code.
fn told<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    match result.unwrap_err() {
        ServiceError::Denied(denial) => format!("denied: {}", denial.rule.unwrap()),
        error => {
            let error = ExecutionError::from(error);
            error.details()["reason"].as_str().map_or(error.code().to_string(), str::to_owned)
        }
    }
}

const LINK: &str = "denied: a symbolic link on the way is never followed";

#[tokio::test]
async fn a_file_is_written_read_listed_renamed_and_removed() {
    let bench = bench();
    assert!(bench.files.create_dir(&bench.scope, &workspace("x/y")).await.unwrap());
    assert!(!bench.files.create_dir(&bench.scope, &workspace("x/y")).await.unwrap());
    bench.write("x/y/b.txt", "old and longer").await.unwrap();
    bench.write("x/y/b.txt", "new").await.unwrap();
    assert_eq!(bench.read("x/y/b.txt").await.unwrap(), "new");
    let stat = bench.files.stat(&bench.scope, &workspace("x/y/b.txt")).await.unwrap().unwrap();
    assert_eq!((stat.kind, stat.size), (FileKind::File, 3));
    assert!(stat.modified_ms > 1_500_000_000_000, "{stat:?}");
    assert_eq!(bench.files.stat(&bench.scope, &workspace("x/none")).await.unwrap(), None);
    assert_eq!(bench.files.stat(&bench.scope, &workspace("a.txt/none")).await.unwrap(), None);
    bench.files.rename(&bench.scope, &workspace("x/y/b.txt"), &workspace("a.txt")).await.unwrap();
    assert_eq!(bench.read("a.txt").await.unwrap(), "new");
    let entries = bench.files.list(&bench.scope, &workspace("")).await.unwrap();
    let entries: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    assert_eq!(entries, [("a.txt", FileKind::File), ("x", FileKind::Directory)]);
    assert_eq!(told(bench.files.remove(&bench.scope, &workspace("x")).await), "not_empty");
    for (path, was_there) in [("x/y", true), ("x", true), ("x", false), ("x/y", false), ("a.txt", true)] {
        assert_eq!(bench.files.remove(&bench.scope, &workspace(path)).await.unwrap(), was_there, "{path}");
    }
    assert!(bench.names("ws").is_empty());
}

#[tokio::test]
async fn what_does_not_fit_is_told_apart() {
    let bench = bench();
    fs::create_dir(bench.at("ws/dir")).unwrap();
    assert_eq!(told(bench.read("none").await), "not_found");
    assert_eq!(told(bench.read("dir").await), "not_a_file");
    assert_eq!(told(bench.read("a.txt/x").await), "not_a_directory");
    assert_eq!(told(bench.write("dir", "x").await), "not_a_file");
    assert_eq!(told(bench.write("none/x", "x").await), "not_found");
    assert_eq!(told(bench.write("", "x").await), "root");
    assert_eq!(told(bench.files.remove(&bench.scope, &workspace("")).await), "root");
    assert_eq!(told(bench.files.list(&bench.scope, &workspace("a.txt")).await), "not_a_directory");
    assert_eq!(told(bench.files.create_dir(&bench.scope, &workspace("a.txt")).await), "not_a_directory");
    let rename = |from: &'static str, to: &'static str| {
        let (files, scope) = (&bench.files, &bench.scope);
        async move { told(files.rename(scope, &workspace(from), &workspace(to)).await) }
    };
    assert_eq!(rename("dir", "other").await, "not_a_file");
    assert_eq!(rename("a.txt", "dir").await, "not_a_file");
    assert_eq!(rename("none", "other").await, "not_found");
}

#[tokio::test]
async fn links_are_refused_wherever_they_stand() {
    let bench = bench();
    symlink(bench.at("outside/secret"), bench.at("ws/file")).unwrap();
    symlink(bench.at("outside"), bench.at("ws/dir")).unwrap();
    symlink("a.txt", bench.at("ws/inner")).unwrap();
    for path in ["file", "dir/secret", "inner"] {
        assert_eq!(told(bench.read(path).await), LINK, "{path}");
        assert_eq!(told(bench.write(path, "x").await), LINK, "{path}");
    }
    assert_eq!(told(bench.files.create_dir(&bench.scope, &workspace("dir/new")).await), LINK);
    assert_eq!(told(bench.files.remove(&bench.scope, &workspace("dir/secret")).await), LINK);
    assert_eq!(told(bench.files.rename(&bench.scope, &workspace("a.txt"), &workspace("dir/a")).await), LINK);
    let stat = bench.files.stat(&bench.scope, &workspace("file")).await.unwrap().unwrap();
    assert_eq!(
        (stat.kind, stat.size),
        (FileKind::Other, 0),
        "the link itself, and nothing of what it points to"
    );
    assert!(bench.files.remove(&bench.scope, &workspace("file")).await.unwrap(), "a link itself is removed");
    assert_eq!(fs::read_to_string(bench.at("outside/secret")).unwrap(), "secret");
    assert_eq!(bench.names("outside"), ["secret"]);
}

#[tokio::test]
async fn an_absolute_grant_begins_where_its_pattern_does() {
    let bench = bench();
    let data = bench.at("data");
    fs::create_dir_all(data.join("sub")).unwrap();
    fs::write(data.join("sub/a"), "one").unwrap();
    let read = |path: std::path::PathBuf, pattern: std::path::PathBuf| {
        let (files, scope) = (&bench.files, &bench.scope);
        async move { files.read(scope, &absolute(&path, &pattern)).await }
    };
    assert_eq!(read(data.join("sub/a"), data.clone()).await.unwrap(), "one");
    assert_eq!(read(data.join("sub/a"), data.join("*/a")).await.unwrap(), "one");
    assert_eq!(
        read(data.join("sub/a"), data.join("sub/a")).await.unwrap(),
        "one",
        "the file itself is granted"
    );
    symlink(&data, bench.at("alias")).unwrap();
    assert_eq!(
        told(read(bench.at("alias/sub/a"), bench.at("alias")).await),
        LINK,
        "a grant names a real path"
    );
    assert_eq!(told(read(bench.at("none/a"), bench.at("none")).await), "not_found");

    let make = |path: std::path::PathBuf, pattern: std::path::PathBuf| {
        let (files, scope) = (&bench.files, &bench.scope);
        async move { files.create_dir(scope, &absolute(&path, &pattern)).await }
    };
    let new = bench.at("new");
    assert_eq!(
        told(make(new.join("x"), new.join("x")).await),
        "not_found",
        "nothing is made above the grant"
    );
    assert!(make(new.clone(), new.clone()).await.unwrap(), "the granted directory itself is");
    assert!(make(new.join("x/y"), new.clone()).await.unwrap());
    let own = absolute(&new.join("f"), &new.join("f"));
    bench.files.write(&bench.scope, &own, Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(bench.names("new"), ["f", "x"], "and nothing half written beside it");
}

#[tokio::test]
async fn what_is_no_file_neither_blocks_nor_is_read() {
    let bench = bench();
    let fifo = bench.at("ws/fifo");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.at("ws/socket")).unwrap();
    for path in ["fifo", "socket"] {
        assert_eq!(told(bench.read(path).await), "not_a_file", "{path}");
        assert_eq!(told(bench.write(path, "x").await), "not_a_file", "{path}");
        let stat = bench.files.stat(&bench.scope, &workspace(path)).await.unwrap().unwrap();
        assert_eq!(stat.kind, FileKind::Other, "{path}");
    }
    assert_eq!(bench.names("ws"), ["a.txt", "fifo", "socket"]);
}

#[tokio::test]
async fn names_that_are_never_opened_are_refused_here_too() {
    let bench = bench();
    fs::write(bench.at("ws/.env"), "KEY=1").unwrap();
    assert_eq!(told(bench.read(".env").await), "denied: files named `.env` are never opened");
    let environ = Path::new("/proc/self/environ");
    let read = bench.files.read(&bench.scope, &absolute(environ, Path::new("/"))).await;
    assert_eq!(told(read), "denied: files under `/proc` are never opened");
    let rename = bench.files.rename(&bench.scope, &workspace("a.txt"), &workspace("id_rsa")).await;
    assert_eq!(told(rename), "denied: files named `id_rsa*` are never opened");
}

#[tokio::test]
async fn bounds_hold_and_nothing_is_cut() {
    let config = FileConfig { max_file: ByteSize::from_bytes(4), max_listed: 2, ..FileConfig::default() };
    let bench = bench_of(config);
    bench.write("four", "1234").await.unwrap();
    assert_eq!(told(bench.write("five", "12345").await), "PAYLOAD_TOO_LARGE");
    let sparse = fs::File::create(bench.at("ws/sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    assert_eq!(told(bench.read("sparse").await), "PAYLOAD_TOO_LARGE");
    assert_eq!(told(bench.files.list(&bench.scope, &workspace("")).await), "RESOURCE_EXHAUSTED");
    fs::remove_file(bench.at("ws/sparse")).unwrap();
    assert_eq!(bench.files.list(&bench.scope, &workspace("")).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_root_that_is_gone_or_replaced_is_a_workspace_error() {
    let mut bench = bench();
    fs::rename(bench.at("ws"), bench.at("moved")).unwrap();
    assert_eq!(told(bench.write("a", "x").await), ErrorCode::WorkspaceError.as_str());
    symlink(bench.at("outside"), bench.at("ws")).unwrap();
    assert_eq!(told(bench.write("a", "x").await), ErrorCode::WorkspaceError.as_str());
    assert_eq!(bench.names("outside"), ["secret"]);
    bench.scope.workspace = None;
    assert_eq!(told(bench.read("a.txt").await), ErrorCode::WorkspaceError.as_str());
}

#[tokio::test]
async fn a_replaced_file_keeps_its_mode_and_its_other_names_their_contents() {
    let bench = bench();
    fs::set_permissions(bench.at("ws/a.txt"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::hard_link(bench.at("ws/a.txt"), bench.at("outside/other name")).unwrap();
    bench.write("a.txt", "two").await.unwrap();
    let mode = fs::metadata(bench.at("ws/a.txt")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o751, "without the bit that lends its owner's rights");
    assert_eq!(fs::read_to_string(bench.at("outside/other name")).unwrap(), "one");
}

#[tokio::test]
async fn a_mount_below_the_grant_is_not_entered() {
    let bench = bench();
    // A place with a mount below it that every Linux machine has.
    let pattern = Path::new("/run");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let is_real = |path: &str| fs::canonicalize(path).is_ok_and(|real| real == Path::new(path));
    let below = mounts.lines().filter_map(|line| line.split(' ').nth(4)).find(|mount| {
        let parent = Path::new(mount).parent();
        parent.is_some_and(|parent| parent != Path::new("/") && is_real(mount))
            && !["/proc", "/sys", "/dev"].iter().any(|denied| mount.starts_with(denied))
    });
    let Some(mount) = below else {
        assert!(std::env::var_os("CI").is_none(), "no mount below a directory to try it with");
        println!("not tried: there is no mount below a directory but in {pattern:?}, /proc, /sys and /dev");
        return;
    };
    let parent = Path::new(mount).parent().unwrap();
    let list = |pattern: &Path| {
        let granted = absolute(Path::new(mount), pattern);
        let (files, scope) = (&bench.files, &bench.scope);
        async move { files.list(scope, &granted).await }
    };
    assert_eq!(
        told(list(parent).await),
        "denied: a mount below the place where the grant begins is never entered"
    );
    let own = list(Path::new(mount)).await;
    assert!(
        !matches!(own, Err(ServiceError::Denied(_))),
        "a mount that is granted itself is entered: {own:?}"
    );
}

/// What is swapped in while paths are resolved: a directory and a link to the secret's, by one step of the kernel.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapping_a_directory_for_a_link_never_leads_out() {
    const ROUNDS: usize = 2000;
    let bench = bench();
    fs::create_dir(bench.at("ws/dir")).unwrap();
    fs::write(bench.at("ws/dir/secret"), "harmless").unwrap();
    // Relative, so that it leaves no mount.
    symlink("../outside", bench.at("ws/link")).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (one, other, done) = (bench.at("ws/dir"), bench.at("ws/link"), Arc::clone(&done));
        tokio::task::spawn_blocking(move || {
            let mut n = 0_usize;
            while !done.load(Ordering::Acquire) {
                rustix::fs::renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                n += 1;
            }
            n
        })
    };
    let (mut read, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        match bench.read("dir/secret").await {
            Ok(contents) => {
                assert_eq!(contents, "harmless");
                read += 1;
            }
            Err(ServiceError::Denied(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        if round % 10 == 0 {
            let _refused_or_done = bench.write("dir/planted", "x").await;
        }
    }
    done.store(true, Ordering::Release);
    assert!(swapper.await.unwrap() > 0);
    assert!(read > 0 && refused > 0, "both were met: {read} read, {refused} refused");
    assert_eq!(bench.names("outside"), ["secret"], "nothing was written there");
}
