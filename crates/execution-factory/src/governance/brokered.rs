//! Does the granted calls that concern the machine: files, requests, variables and programs.
//! It opens, connects and starts nothing itself but reads the host's environment; the platform's services do the rest.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::file::GrantedPath;
use plugdock_contracts::host_call::{EnvCall, FsCall, HostReply, HttpCall, ShellCall};
use plugdock_contracts::http::HttpRequest;
use plugdock_contracts::permission::{NormalPath, PathPattern, PermissionKind, Permissions};
use plugdock_contracts::service::{ServiceError, ServiceScope};
use plugdock_contracts::shell::ShellRequest;
use serde::Serialize;
use serde_json::{Value, json};

use super::Gate;
use super::check::Access;

/// A value that always has a JSON form: plain data with text keys.
fn plain(value: impl Serialize) -> HostReply {
    HostReply::value(serde_json::to_value(value).unwrap_or(Value::Null))
}

/// The deepest place that a grant names of those that cover a path: where several must allow it, whoever was most precise meant
/// that place, whatever is mounted there.
fn deepest_base(permissions: &Permissions, kind: &PermissionKind, path: &NormalPath) -> NormalPath {
    let grants = permissions.all_of().flatten().filter(|grant| grant.kind == *kind);
    let patterns = grants.flat_map(|grant| &grant.scope).filter_map(|text| text.parse::<PathPattern>().ok());
    let bases = patterns.filter(|pattern| pattern.matches(path)).map(|pattern| pattern.base());
    bases.max_by_key(|base| base.components().count()).unwrap_or_else(|| path.clone())
}

impl Gate {
    pub(super) async fn fs(
        &self,
        scope: &ServiceScope,
        call: FsCall,
        body: Bytes,
    ) -> Result<HostReply, ServiceError> {
        let files = self.parts.platform.fs()?;
        let read = |path: &str| self.granted(Access::Read, path);
        let write = |path: &str| self.granted(Access::Write, path);
        Ok(match call {
            FsCall::Read { path } => {
                HostReply::with_body(Value::Null, files.read(scope, &read(&path)?).await?)
            }
            FsCall::Write { path } => {
                files.write(scope, &write(&path)?, body).await?;
                HostReply::default()
            }
            FsCall::List { path } => {
                let directory = read(&path)?;
                let mut entries = files.list(scope, &directory).await?;
                entries.retain(|entry| self.may_read(directory.path(), &entry.name));
                plain(entries)
            }
            FsCall::Stat { path } => plain(files.stat(scope, &read(&path)?).await?),
            FsCall::CreateDir { path } => HostReply::value(files.create_dir(scope, &write(&path)?).await?),
            FsCall::Remove { path } => HostReply::value(files.remove(scope, &write(&path)?).await?),
            FsCall::Rename { from, to } => {
                files.rename(scope, &write(&from)?, &write(&to)?).await?;
                HostReply::default()
            }
        })
    }

    /// The path with the place where its grant begins.
    fn granted(&self, access: Access, path: &str) -> Result<GrantedPath, ServiceError> {
        let path = NormalPath::parse(path).map_err(|error| {
            ServiceError::Execution(ExecutionError::from_error(ErrorCode::ValidationError, &error))
        })?;
        // It was asked before; asked again, nobody can come here without.
        let decision = access.decide(self.permissions(), &path);
        decision.into_result().map_err(ServiceError::Denied)?;
        let base = deepest_base(self.permissions(), &access.kind(), &path);
        Ok(GrantedPath::new(path, base))
    }

    fn may_read(&self, directory: &NormalPath, name: &str) -> bool {
        let below = format!("{}/{name}", directory.below());
        let path = NormalPath::inside(directory.root(), below.trim_start_matches('/'));
        path.is_ok_and(|path| self.permissions().fs_read(&path).is_allowed())
    }

    pub(super) async fn http(
        &self,
        scope: &ServiceScope,
        call: HttpCall,
        body: Bytes,
    ) -> Result<HostReply, ServiceError> {
        let http = self.parts.platform.http()?;
        let HttpCall::Send { method, url, headers, timeout_ms, max_bytes } = call;
        let mut request = HttpRequest::new(method, url);
        (request.headers, request.body) = (headers, body);
        (request.timeout, request.max_bytes) = (timeout_ms.map(Duration::from_millis), max_bytes);
        let response = http.send(scope, self.permissions(), request).await?;
        let head = json!({
            "status": response.status,
            "headers": response.headers,
            "url": response.url,
            "redirects": response.redirects,
        });
        Ok(HostReply::with_body(head, response.body))
    }

    /// Reads a variable as it is now, which may be later than what the worker was given at its start.
    #[expect(clippy::unused_self, reason = "it reads as its siblings do")]
    pub(super) fn env(&self, call: &EnvCall) -> Result<HostReply, ServiceError> {
        let EnvCall::Get { name } = call;
        match std::env::var_os(name).map(std::ffi::OsString::into_string) {
            None => Ok(HostReply::value(Value::Null)),
            Some(Ok(value)) => Ok(HostReply::value(value)),
            Some(Err(_no_text)) => Err(ServiceError::Invalid {
                service: "env",
                reason: format!("the value of `{name}` is no UTF-8 text"),
            }),
        }
    }

    pub(super) async fn shell(
        &self,
        scope: &ServiceScope,
        call: ShellCall,
        body: Bytes,
    ) -> Result<HostReply, ServiceError> {
        let shell = self.parts.platform.shell()?;
        let ShellCall::Exec { program, args, timeout_ms } = call;
        let mut request = ShellRequest::new(program);
        (request.args, request.stdin) = (args, body);
        request.timeout = timeout_ms.map(Duration::from_millis);
        let output = shell.exec(scope, self.permissions(), request).await?;
        let head =
            json!({ "code": output.code, "signal": output.signal, "stdout_bytes": output.stdout.len() });
        let mut printed = BytesMut::with_capacity(output.stdout.len() + output.stderr.len());
        printed.extend_from_slice(&output.stdout);
        printed.extend_from_slice(&output.stderr);
        Ok(HostReply::with_body(head, printed.freeze()))
    }
}
