//! The socket in the file system: who may use it, and what is there before and after.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::serve::{ListenError, Listener};

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn the_socket_is_the_users_alone_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below/plugdock/plugdock.sock");
    let listener = Listener::bind_in_own_folder(&path).await.unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let names: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the socket and its lock: {names:?}");
    drop(listener);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_that_others_may_enter_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("plugdock");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = Listener::bind_in_own_folder(&open.join("s")).await.unwrap_err();
    assert!(refused.to_string().contains("mode 755"), "{refused}");
}

#[tokio::test]
async fn a_server_that_lives_is_named_and_a_stale_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let first = Listener::bind(&path).await.unwrap();
    let second = Listener::bind(&path).await.unwrap_err();
    let own = format!("process {}", std::process::id());
    assert!(second.to_string().contains(&own), "{second}");
    drop(first);
    // What a killed server leaves: a socket at which nobody listens, and a lock that nobody holds.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    std::fs::write(folder.path().join("s.sock.lock"), "").unwrap();
    drop(Listener::bind(&path).await.unwrap());
    // A server without our lock, such as one in another container.
    let foreign = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(Listener::bind(&path).await, Err(ListenError::Alive { pid: Some(_), .. })));
    drop(foreign);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(Listener::bind(&path).await, Err(ListenError::NoSocket { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_socket_that_another_took_over_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let listener = Listener::bind(&path).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
    drop(other);
}
