//! Where the socket is when nobody says: in the user's runtime folder, else beside the host's data.
//! Server and clients compute it alike; only the server makes folders.

use std::path::{Path, PathBuf};

/// The socket's file.
const FILE: &str = "plugdock.sock";

/// The socket of a user with these folders.
pub(crate) fn default_socket(runtime_dir: Option<&Path>, data_dir: &Path) -> PathBuf {
    match runtime_dir {
        Some(dir) => dir.join("plugdock").join(FILE),
        None => data_dir.join("run").join(FILE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_folder_comes_first() {
        let socket = |runtime: Option<&str>| default_socket(runtime.map(Path::new), Path::new("/data"));
        assert_eq!(socket(Some("/run/user/7")), Path::new("/run/user/7/plugdock/plugdock.sock"));
        assert_eq!(socket(None), Path::new("/data/run/plugdock.sock"));
    }
}
