//! Which grant a call needs: one exhaustive match, so that a new call cannot be forgotten.

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{
    CacheCall, EnvCall, EventsCall, FsCall, HostCall, HttpCall, ShellCall, StateCall, StorageCall,
};
use plugdock_contracts::permission::{
    Decision, Denial, NormalPath, NormalPathError, PermissionKind, Permissions, RequestUrl, RequestUrlError,
    ServiceName,
};

/// Decides whether a call is granted. `None` means that it needs no grant of its own, because an earlier call had it.
pub(super) fn decide(permissions: &Permissions, call: &HostCall) -> Result<Option<Decision>, ExecutionError> {
    Ok(Some(match call {
        HostCall::Cache(CacheCall::Get { key } | CacheCall::Set { key, .. } | CacheCall::Delete { key }) => {
            permissions.cache(key)
        }
        HostCall::State(StateCall::Get { key } | StateCall::Set { key } | StateCall::Delete { key }) => {
            permissions.state(key)
        }
        HostCall::State(StateCall::Keys { prefix, .. }) => permissions.state(prefix),
        HostCall::Storage(
            StorageCall::Read { path }
            | StorageCall::Write { path }
            | StorageCall::Delete { path }
            | StorageCall::List { path },
        ) => permissions.storage(path),
        HostCall::Events(EventsCall::Publish { topic }) => permissions.publish(topic),
        HostCall::Events(EventsCall::Subscribe { pattern }) => permissions.subscribe(pattern),
        // A subscription's number is the execution's own, and was granted when it was made.
        HostCall::Events(EventsCall::Next { .. } | EventsCall::Unsubscribe { .. }) => return Ok(None),
        HostCall::Fs(FsCall::Read { path } | FsCall::List { path } | FsCall::Stat { path }) => {
            fs(permissions, Access::Read, path)?
        }
        HostCall::Fs(FsCall::Write { path } | FsCall::CreateDir { path } | FsCall::Remove { path }) => {
            fs(permissions, Access::Write, path)?
        }
        HostCall::Fs(FsCall::Rename { from, to }) => rename(permissions, from, to)?,
        HostCall::Http(HttpCall::Send { url, .. }) => http(permissions, url)?,
        HostCall::Env(EnvCall::Get { name }) => permissions.env_read(name),
        HostCall::Shell(ShellCall::Exec { program, .. }) => permissions.shell_exec(program),
        HostCall::Invoke(call) => permissions.invoke(call.plugin.as_str(), call.handler.as_str()),
        HostCall::Custom(call) => {
            let name: ServiceName = call
                .service
                .parse()
                .map_err(|error| ExecutionError::from_error(ErrorCode::ValidationError, &error))?;
            permissions.service(&name, &call.method)
        }
    }))
}

/// What is to be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Access {
    /// Whether it may be done with this path.
    pub(super) fn decide(self, permissions: &Permissions, path: &NormalPath) -> Decision {
        match self {
            Self::Read => permissions.fs_read(path),
            Self::Write => permissions.fs_write(path),
        }
    }

    /// What must be granted.
    pub(super) fn kind(self) -> PermissionKind {
        match self {
            Self::Read => PermissionKind::FsRead,
            Self::Write => PermissionKind::FsWrite,
        }
    }
}

/// A path that climbs out is refused as what it is, an attempt at something that no grant covers; other texts that are no path
/// are mistakes.
fn fs(permissions: &Permissions, access: Access, path: &str) -> Result<Decision, ExecutionError> {
    match NormalPath::parse(path) {
        Ok(path) => Ok(access.decide(permissions, &path)),
        Err(NormalPathError::AboveRoot { .. }) => {
            let rule = "a path that climbs above its root is never opened";
            Ok(Decision::Denied(Denial::by_rule(access.kind(), path, rule)))
        }
        Err(error) => Err(ExecutionError::from_error(ErrorCode::ValidationError, &error)),
    }
}

/// Both names must be the plugin's to write. What it may not read it must not move to where it may.
fn rename(permissions: &Permissions, from: &str, to: &str) -> Result<Decision, ExecutionError> {
    for path in [from, to] {
        let decision = fs(permissions, Access::Write, path)?;
        if !decision.is_allowed() {
            return Ok(decision);
        }
    }
    let reveals = fs(permissions, Access::Read, to)?.is_allowed();
    fs(permissions, if reveals { Access::Read } else { Access::Write }, from)
}

/// A URL that can never be requested is refused as such; a text that is no URL is a mistake.
fn http(permissions: &Permissions, url: &str) -> Result<Decision, ExecutionError> {
    match RequestUrl::parse(url) {
        Ok(url) => Ok(permissions.net_http(&url)),
        Err(error @ (RequestUrlError::Scheme { .. } | RequestUrlError::UserInfo)) => {
            // The text itself may hold a secret.
            Ok(Decision::Denied(Denial::by_rule(PermissionKind::NetHttp, "a URL", error.to_string())))
        }
        Err(error) => Err(ExecutionError::from_error(ErrorCode::ValidationError, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugdock_contracts::permission::Grant;

    fn permissions() -> Permissions {
        Permissions::from_grants([
            Grant::new(PermissionKind::FsRead, ["/data", "src/*.ts"]),
            Grant::new(PermissionKind::FsWrite, ["workspace/out", "/inbox", "/data/out"]),
            Grant::new(PermissionKind::NetHttp, ["https://api.example.com"]),
            Grant::new(PermissionKind::EnvRead, ["APP_*"]),
            Grant::new(PermissionKind::ShellExec, ["git"]),
        ])
        .unwrap()
    }

    /// `granted`, the grant that is missing, the fixed rule that refuses, or the code of an error.
    fn verdict(service: &str, method: &str, args: serde_json::Value) -> String {
        let call = HostCall::from_parts(service, method, args).unwrap();
        match decide(&permissions(), &call) {
            Ok(Some(Decision::Allowed { .. })) => "granted".to_owned(),
            Ok(Some(Decision::Denied(denial))) => denial.missing().or(denial.rule).unwrap(),
            Ok(None) => "needs no grant".to_owned(),
            Err(error) => error.code().to_string(),
        }
    }

    #[test]
    fn each_file_call_needs_its_own_grant() {
        for (method, path, expected) in [
            ("read", "/data/a", "granted"),
            ("list", "/data", "granted"),
            ("stat", "src/a.ts", "granted"),
            ("read", "src/a.ts.bak", r#"fs.read scope "workspace/src/a.ts.bak""#),
            ("read", "/data-evil/a", r#"fs.read scope "/data-evil/a""#),
            ("read", "/data/../etc/passwd", r#"fs.read scope "/etc/passwd""#),
            ("write", "/data/a", r#"fs.write scope "/data/a""#),
            ("write", "out/a", "granted"),
            ("create_dir", "out", "granted"),
            ("remove", "src/a.ts", r#"fs.write scope "workspace/src/a.ts""#),
            ("read", "../etc/passwd", "a path that climbs above its root is never opened"),
            ("read", "/data/.env", "files named `.env` are never opened"),
            ("read", "/proc/self/environ", "files under `/proc` are never opened"),
            ("read", "", "VALIDATION_ERROR"),
            ("read", "a\0b", "VALIDATION_ERROR"),
        ] {
            assert_eq!(
                verdict("fs", method, serde_json::json!({ "path": path })),
                expected,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn a_file_is_not_moved_to_where_it_can_be_read() {
        for (from, to, expected) in [
            ("/inbox/a", "workspace/out/a", "granted"),
            ("/data/out/a", "/data/out/b", "granted"),
            ("/inbox/a", "/data/out/a", r#"fs.read scope "/inbox/a""#),
            ("/inbox/a", "/etc/a", r#"fs.write scope "/etc/a""#),
            ("/etc/a", "/inbox/a", r#"fs.write scope "/etc/a""#),
        ] {
            let args = serde_json::json!({ "from": from, "to": to });
            assert_eq!(verdict("fs", "rename", args), expected, "{from} {to}");
        }
    }

    #[test]
    fn requests_variables_and_programs_need_their_grants() {
        for (url, expected) in [
            ("https://api.example.com/v1?q=1", "granted"),
            ("http://api.example.com/", r#"net.http scope "http://api.example.com""#),
            ("https://api.example.com.evil.io/", r#"net.http scope "https://api.example.com.evil.io""#),
            (
                "https://api.example.com@evil.io/",
                "the URL holds a user name or password; send credentials in a header",
            ),
            (
                "file:///etc/passwd",
                "the scheme of the URL is \"file\", and only http and https can be requested",
            ),
            ("not a url", "VALIDATION_ERROR"),
        ] {
            assert_eq!(verdict("http", "send", serde_json::json!({ "url": url })), expected, "{url}");
        }
        let env = |name: &str| verdict("env", "get", serde_json::json!({ "name": name }));
        assert_eq!((env("APP_KEY"), env("HOME")), ("granted".into(), r#"env.read scope "HOME""#.into()));
        let shell = |program: &str| verdict("shell", "exec", serde_json::json!({ "program": program }));
        assert_eq!(shell("git"), "granted");
        assert_eq!(shell("/tmp/git"), r#"shell.exec scope "/tmp/git""#);
        assert_eq!(
            shell("./git"),
            "a program that is neither a bare name nor an absolute path in normal form is never run"
        );
    }
}
