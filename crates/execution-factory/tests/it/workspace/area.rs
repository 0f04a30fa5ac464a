//! Areas: workspaces that lie in one directory apart from all others.

use std::fs;

use plugdock_contracts::ExecutionId;
use plugdock_contracts::workspace::{WorkspaceLease, WorkspaceManager as _, WorkspaceSpec};
use plugdock_execution_factory::workspace::LocalWorkspaceManager;

use super::fixture::{names, only_host, root_in, temporary};

async fn acquire_in(manager: &LocalWorkspaceManager, area: &str, id: &str) -> Box<dyn WorkspaceLease> {
    let mut spec = WorkspaceSpec::default();
    spec.area = Some(area.to_owned());
    manager.acquire(&ExecutionId::new(id).unwrap(), &spec).await.unwrap()
}

#[tokio::test]
async fn workspaces_of_an_area_share_a_directory_that_ends_with_the_last_of_them() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let (one, two) = (acquire_in(&manager, "a", "one").await, acquire_in(&manager, "a", "two").await);
    let other = acquire_in(&manager, "b", "one-more").await;
    let leases = only_host(&root).join("leases");
    assert_eq!(names(&leases), ["@a", "@b"]);
    assert_eq!(one.area_dir(), two.area_dir());
    assert_ne!(one.area_dir(), other.area_dir());
    assert!(
        one.dir().starts_with(one.area_dir().unwrap())
            && one.artifacts_dir().starts_with(one.area_dir().unwrap())
    );
    one.release().await.unwrap();
    assert_eq!(names(&leases.join("@a")), ["two"]);
    // Dropped, not released: the directory goes as well.
    drop(two);
    assert_eq!(names(&leases), ["@b"]);
    let again = acquire_in(&manager, "a", "one").await;
    again.release().await.unwrap();
    other.release().await.unwrap();
    manager.close().await.unwrap();
    assert_eq!(names(&root), Vec::<String>::new());
}

#[tokio::test]
async fn an_area_that_comes_and_goes_gives_every_lease() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = std::sync::Arc::new(LocalWorkspaceManager::open(&root).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let manager = std::sync::Arc::clone(&manager);
        tasks.spawn(async move {
            for round in 0..20 {
                acquire_in(&manager, "a", &format!("lease-{task}-{round}")).await.release().await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(names(&only_host(&root).join("leases")), Vec::<String>::new());
}

#[tokio::test]
async fn a_kept_workspace_of_an_area_outlives_its_host() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let mut kept = acquire_in(&manager, "a", "kept").await;
    kept.keep();
    fs::write(kept.dir().join("result"), "x").unwrap();
    let gone = acquire_in(&manager, "a", "gone").await;
    let path = kept.dir().join("result");
    gone.release().await.unwrap();
    kept.release().await.unwrap();
    manager.close().await.unwrap();
    assert!(path.exists());
    // The next host's sweep finds the dead one, and leaves what was kept.
    let next = LocalWorkspaceManager::open(&root).unwrap();
    assert_eq!(next.sweep_report().hosts_with_kept, 1, "{:?}", next.sweep_report());
    assert!(path.exists());
    next.close().await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_no_areas_is_refused() {
    let dir = temporary();
    let manager = LocalWorkspaceManager::open(&root_in(&dir)).unwrap();
    for name in ["", "..", "a/b", "@a", &"x".repeat(65)] {
        let mut spec = WorkspaceSpec::default();
        spec.area = Some(name.to_owned());
        let id = ExecutionId::new("one").unwrap();
        let Err(error) = manager.acquire(&id, &spec).await else { panic!("`{name}` was accepted") };
        assert!(error.to_string().contains("names no area"), "{error}");
    }
    manager.close().await.unwrap();
}
