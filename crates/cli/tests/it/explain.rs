//! `plugdock explain`: what a plugin may, and what holds it. Needs Landlock 6 and seccomp for the stronger profile.

use crate::command::Home;

const MANIFEST: &str = r#"
manifest_version = 1
id = "acme/count"
version = "0.1.0"
[permissions]
"fs.read" = { scope = ["/data", "/src/*.rs"], why = "counts lines" }
"net.http" = ["https://api.example.com"]
[resources]
open_files = 64
"#;

fn home() -> Home {
    let home = Home::new();
    home.write("plugins/count/plugin.toml", MANIFEST);
    home
}

#[test]
fn each_grant_says_what_holds_it_and_through_which_call_it_is_used() {
    let home = home();
    let said = home.run(&["explain", "plugins/count", "--profile", "restricted"]);
    assert_eq!(said.code, 0, "{said:?}");
    for line in [
        "acme/count 0.1.0 under `restricted`",
        "read files: /data (counts lines)",
        "through ctx.fs(), checked by the host; by itself: the whole directory, by Landlock",
        "by itself: nothing: a pattern is narrower than a directory, so only the host can open it",
        "make HTTP requests: https://api.example.com",
        "sockets of every family: seccomp",
        "RLIMIT_NOFILE 64",
    ] {
        assert!(said.result.contains(line), "{line:?} is missing in\n{}", said.result);
    }
}

#[test]
fn a_weaker_profile_says_what_it_leaves_open() {
    let document = home().run(&["explain", "plugins/count", "--profile", "trusted", "--json"]).json();
    assert_eq!(
        (&document["plugin"], &document["sandbox"]["profile"]),
        (&"acme/count".into(), &"trusted".into())
    );
    let walls = document["sandbox"]["walls"].as_array().unwrap();
    let open: Vec<&str> =
        walls.iter().filter(|wall| wall["by"].is_null()).map(|wall| wall["what"].as_str().unwrap()).collect();
    assert!(open.contains(&"files that are not granted"), "{open:?}");
}

#[test]
fn a_profile_that_is_none_is_refused_with_those_that_are() {
    home()
        .run(&["explain", "plugins/count", "--profile", "paranoid"])
        .failed(2, "profiles are trusted, restricted");
}
