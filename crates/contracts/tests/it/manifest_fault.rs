//! Every way a manifest can be wrong, each with its line, its key and its words.
//! What is read from one that is right is tested beside it.

use plugdock_contracts::document::Format;
use plugdock_contracts::manifest::Manifest;

/// The three lines that every manifest needs; what a test adds stands from line 4 on.
const HEAD: &str = "manifest_version = 1\nid = \"acme/count\"\nversion = \"0.1.0\"\n";

/// Reads [`HEAD`] and the text, and compares the faults as they are shown.
#[track_caller]
fn check(text: &str, expected: &str) {
    check_whole(&format!("{HEAD}{text}"), expected);
}

#[track_caller]
fn check_whole(text: &str, expected: &str) {
    let shown = Manifest::parse(text, "plugin.toml", Format::Toml)
        .map_or_else(|faults| faults.to_string(), |_| "read".to_owned());
    assert_eq!(shown, expected, "\n{text}");
}

#[test]
fn required_keys_are_missed() {
    check_whole(
        "",
        "plugin.toml:1: manifest_version: missing, but required\n\
         plugin.toml:1: id: missing, but required\n\
         plugin.toml:1: version: missing, but required",
    );
}

#[test]
fn another_manifest_version_is_the_only_fault() {
    check_whole(
        "manifest_version = 2\nnew_key = 1\n",
        "plugin.toml:1: manifest_version: manifest version 2 is not known\n  help: this release reads version 1; a newer host may read this plugin",
    );
    check_whole(
        "manifest_version = \"1\"\n",
        "plugin.toml:1: manifest_version: expected an integer, found a string",
    );
}

#[test]
fn unknown_keys_are_faults_everywhere() {
    check("entri = \"x\"", "plugin.toml:4: entri: unknown key\n  help: did you mean `entry`?");
    check(
        "minIsolation = \"subprocess\"",
        "plugin.toml:4: minIsolation: unknown key\n  help: did you mean `min_isolation`?",
    );
    check(
        "[resources]\nmem0ry = \"1MiB\"",
        "plugin.toml:5: resources.mem0ry: unknown key\n  help: did you mean `memory`?",
    );
    check(
        "[hooks]\nonInstall = \"x\"",
        "plugin.toml:5: hooks.onInstall: unknown key\n  help: did you mean `on_install`?",
    );
    check(
        "[config]\ndefault = {}",
        "plugin.toml:5: config.default: unknown key\n  help: did you mean `defaults`?",
    );
    check(
        "[config]\ncolour = 1",
        "plugin.toml:5: config.colour: unknown key\n  help: known keys: schema, defaults",
    );
    check(
        "[permissions]\n\"net.http\" = { scope = [\"https://a.io\"], reason = \"x\" }",
        "plugin.toml:5: permissions.\"net.http\".reason: unknown key\n  help: known keys: scope, why, required",
    );
    check(
        "[permissions]\ncache = { max_entries = 1 }",
        "plugin.toml:5: permissions.cache.max_entries: unknown key\n  help: known keys: scope, why, required",
    );
    check(
        "[[http.routes]]\nmethod = \"GET\"\npath = \"/\"\nhandler = \"x\"\ntimeuot = \"1s\"",
        "plugin.toml:8: http.routes[0].timeuot: unknown key\n  help: did you mean `timeout`?",
    );
    check("[htpp]", "plugin.toml:4: htpp: unknown key\n  help: did you mean `http`?");
}

#[test]
fn values_of_the_wrong_kind_or_form_are_refused() {
    check_whole(
        "manifest_version = 1\nid = \"count\"\nversion = \"1\"\n",
        "plugin.toml:2: id: `count` is no plugin id (`scope/name`): it needs a scope and a name with one `/` between, as in `acme/count`\n\
         plugin.toml:3: version: `1` is no version: unexpected end of input while parsing major version number\n  \
         help: write it as major.minor.patch, for example 0.1.0",
    );
    check(
        "host = \"new\"",
        "plugin.toml:4: host: `new` is no version range: unexpected character 'n' while parsing major version number\n  help: write for example \">=0.1, <0.3\"",
    );
    check(
        "min_isolation = \"sub-process\"",
        "plugin.toml:4: min_isolation: unknown value `sub-process`\n  help: did you mean `subprocess`?",
    );
    check(
        "min_isolation = \"vm\"",
        "plugin.toml:4: min_isolation: unknown value `vm`\n  help: one of: in-process, subprocess, worker-pool, restricted, untrusted",
    );
    check(
        "entry = \"/bin/sh\"",
        "plugin.toml:4: entry: `/bin/sh` is no path inside the plugin: it is absolute; write it relative to the plugin's folder",
    );
    check(
        "entry = \"bin/../../sh\"",
        "plugin.toml:4: entry: `bin/../../sh` is no path inside the plugin: `..` leads out of a folder",
    );
    check("entry = 3", "plugin.toml:4: entry: expected a string, found an integer");
    check("keywords = [\"a\", 1]", "plugin.toml:4: keywords[1]: expected a string, found an integer");
    check(
        "homepage = \"example.com\"",
        "plugin.toml:4: homepage: no web address\n  help: write it whole, for example https://example.com/plugin",
    );
    check(
        "[config]\nschema = \"\"",
        "plugin.toml:5: config.schema: `` is no path inside the plugin: it names no file",
    );
    check("[config]\ndefaults = []", "plugin.toml:5: config.defaults: expected a table, found an array");
    check(
        "[hooks]\non_update = \"a/b\"",
        "plugin.toml:5: hooks.on_update: `a/b` is no handler id: it may hold only ASCII letters, digits and the marks its kind allows",
    );
    check("entry = \"x\"\nargs = [\"a\\u0000b\"]", "plugin.toml:5: args[0]: an argument with a NUL byte");
    check("permissions = true", "plugin.toml:4: permissions: expected a table, found a boolean");
    check("http = []", "plugin.toml:4: http: expected a table, found an array");
}

#[test]
fn resources_need_units_and_are_more_than_nothing() {
    check(
        "[resources]\nmemory = \"128 parsecs\"",
        "plugin.toml:5: resources.memory: `128 parsecs` is no size: the unit is one of B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB, PiB (powers of 1024)",
    );
    check("[resources]\nmemory = -1", "plugin.toml:5: resources.memory: -1 is less than zero");
    check(
        "[resources]\ntimeout = 30",
        "plugin.toml:5: resources.timeout: expected a length of time such as \"30s\", found an integer",
    );
    check(
        "[resources]\ncpu = \"half\"",
        "plugin.toml:5: resources.cpu: `half` is no share of CPU\n  help: write thousandths of a core as in \"500m\", or whole cores as in \"2\"",
    );
    check(
        "[resources]\ncpu = 0.5",
        "plugin.toml:5: resources.cpu: expected a share of CPU such as \"500m\" or 2, found a number with a fraction",
    );
    check(
        "[resources]\nprocesses = 4294967296",
        "plugin.toml:5: resources.processes: 4294967296 is too large",
    );
    let zero = |line: usize, key: &str| {
        format!(
            "plugin.toml:{line}: resources.{key}: zero, with which nothing can run\n  help: leave the key out for the host's default"
        )
    };
    check(
        "[resources]\nmemory = \"0MiB\"\ncpu = 0\nprocesses = 0",
        &[zero(5, "memory"), zero(6, "cpu"), zero(7, "processes")].join("\n"),
    );
    check(
        "[resources]\ntimeout = \"0s\"",
        "plugin.toml:5: resources.timeout: zero, in which nothing can run",
    );
    check("[resources]\noutput = 0\nconnections = 0", "read");
}

#[test]
fn permissions_name_a_known_kind_and_a_scope() {
    check(
        "[permissions]\n\"fs.raed\" = true",
        "plugin.toml:5: permissions.\"fs.raed\": unknown permission\n  help: did you mean `fs.read`?",
    );
    check(
        "[permissions]\ncamera = true",
        "plugin.toml:5: permissions.camera: unknown permission\n  help: known permissions: fs.read, fs.write, net.http, env.read, shell.exec, invoke, cache, state, storage, events.publish, events.subscribe, service.<name>",
    );
    check(
        "[permissions]\n\"fs.read\" = true",
        "plugin.toml:5: permissions.\"fs.read\": needs a scope\n  help: say which, for example [\"workspace\"]",
    );
    check(
        "[permissions]\n\"net.http\" = { why = \"x\" }",
        "plugin.toml:5: permissions.\"net.http\": needs a scope\n  help: say which, for example [\"https://api.example.com\"]",
    );
    check(
        "[permissions]\n\"fs.read\" = []",
        "plugin.toml:5: permissions.\"fs.read\": an empty scope grants nothing\n  help: name what the plugin may reach, or remove the permission",
    );
    check(
        "[permissions]\ncache = { scope = [] }",
        "plugin.toml:5: permissions.cache.scope: an empty scope grants nothing\n  help: name what the plugin may reach, or remove the permission",
    );
    check(
        "[permissions]\ncache = false",
        "plugin.toml:5: permissions.cache: `false` grants nothing\n  help: leave the key out instead",
    );
    check(
        "[permissions]\ncache = \"ns\"",
        "plugin.toml:5: permissions.cache: expected true, an array of patterns, or a table with `scope`, found a string",
    );
    check(
        "[permissions]\nstate = { max_entries = 0 }",
        "plugin.toml:5: permissions.state.max_entries: zero, with which nothing can be kept\n  help: leave the key out for the host's default",
    );
}

#[test]
fn a_bad_pattern_is_shown_on_its_own_line() {
    let faults = Manifest::parse(
        &format!("{HEAD}[permissions]\n\"fs.read\" = [\n  \"workspace\",\n  \"../secrets\",\n]\n\"net.http\" = {{ scope = [\"ftp://x.io\"] }}\n"),
        "plugin.toml",
        Format::Toml,
    )
    .unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| (fault.line, fault.key.as_str())).collect();
    assert_eq!(
        places,
        [(7, "permissions.\"fs.read\"[1]"), (9, "permissions.\"net.http\".scope[0]")],
        "{faults}"
    );
    assert!(
        faults.iter().all(|fault| fault.help.is_some() && fault.message.starts_with("pattern ")),
        "{faults}"
    );
}

#[test]
fn routes_and_channels_are_whole_and_differ() {
    check(
        "[[http.routes]]\nmethod = \"get\"\npath = \"items/:id\"\n",
        "plugin.toml:4: http.routes[0].handler: missing, but required\n\
         plugin.toml:5: http.routes[0].method: unknown value `get`\n  help: did you mean `GET`?\n\
         plugin.toml:6: http.routes[0].path: `items/:id` is no route: it must start with `/`",
    );
    check(
        "[[http.routes]]\nmethod = \"GET\"\npath = \"/:id\"\nhandler = \"x\"",
        "plugin.toml:6: http.routes[0].path: `/:id` is no route: write `{id}` for a parameter, not `:id`",
    );
    check(
        "[[http.routes]]\nmethod = \"GET\"\npath = \"/{id}\"\nhandler = \"a\"\n[[http.routes]]\nmethod = \"GET\"\npath = \"/{name}\"\nhandler = \"b\"",
        "plugin.toml:8: http.routes[1]: GET /{name} is served by a route above",
    );
    check(
        "[[http.routes]]\nmethod = \"GET\"\npath = \"/a\"\nhandler = \"a\"\n[[http.routes]]\nmethod = \"PUT\"\npath = \"/a\"\nhandler = \"b\"",
        "read",
    );
    check(
        "[[http.routes]]\nmethod = \"GET\"\npath = \"/a\"\nhandler = \"a\"\n[[ws.channels]]\npath = \"/a\"\nhandler = \"b\"",
        "plugin.toml:8: ws.channels[0]: /a is served by a GET route or a channel above",
    );
    check(
        "[[ws.channels]]\npath = \"/a\"\nhandler = \"a\"\nmax_message_size = 0\nidle_timeout = \"0s\"",
        "plugin.toml:7: ws.channels[0].max_message_size: zero, into which nothing fits\n\
         plugin.toml:8: ws.channels[0].idle_timeout: zero, in which nothing can run",
    );
}

#[test]
fn keys_that_only_make_sense_together_are_checked_together() {
    check(
        "args = [\"x\"]",
        "plugin.toml:4: args: arguments without a program\n  help: add `entry`, or remove `args`",
    );
    check(
        "main = \"a\"\nentry = \"b\"",
        "plugin.toml:4: main: another name for `entry`, which is given too\n  help: keep one of them",
    );
    check(
        "config_schema = \"a\"\n[config]\nschema = \"b\"",
        "plugin.toml:4: config_schema: an older name of a key in `config`, which is given too\n  help: keep one of them",
    );
}

#[test]
fn all_faults_are_listed_at_once() {
    check_whole(
        "id = \"acme/count\"\nversoin = \"0.1.0\"\nentry = \"../x\"\nmin_isolation = 1\n[resources]\nmemory = \"x\"\n[[http.routes]]\n",
        "plugin.toml:1: manifest_version: missing, but required\n\
         plugin.toml:1: version: missing, but required\n\
         plugin.toml:2: versoin: unknown key\n  help: did you mean `version`?\n\
         plugin.toml:3: entry: `../x` is no path inside the plugin: `..` leads out of a folder\n\
         plugin.toml:4: min_isolation: expected a string, found an integer\n\
         plugin.toml:6: resources.memory: `x` is no size: the unit is one of B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB, PiB (powers of 1024)\n\
         plugin.toml:7: http.routes[0].method: missing, but required\n\
         plugin.toml:7: http.routes[0].path: missing, but required\n\
         plugin.toml:7: http.routes[0].handler: missing, but required",
    );
}

#[test]
fn json_faults_have_their_lines_too() {
    let text = "{\n  \"manifest_version\": 1,\n  \"id\": \"acme/count\",\n  \"version\": \"0.1.0\",\n  \"http\": {\n    \"routes\": [\n      { \"method\": \"FETCH\",\n        \"path\": \"/\", \"handler\": \"x\" }\n    ]\n  }\n}\n";
    let faults = Manifest::parse(text, "plugin.json", Format::Json).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "plugin.json:7: http.routes[0].method: unknown value `FETCH`\n  help: one of: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    );
}
