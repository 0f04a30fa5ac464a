//! Where links of a document lead in its page. An address that could run code is no address.

use crate::source::{Sources, artifact_name};

/// Schemes that a link may have. Whatever else a browser would do with an address is not for a document to decide.
const LINK_SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Schemes that a picture may have.
const IMAGE_SCHEMES: [&str; 2] = ["http", "https"];

/// Pictures that may stand in the page itself. SVG is not among them: it can hold a script.
const IMAGE_DATA: [&str; 4] = ["data:image/png;", "data:image/jpeg;", "data:image/gif;", "data:image/webp;"];

/// The links of one document among those that are rendered with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links<'a> {
    /// The document they stand in.
    pub(crate) document: &'a str,
    /// What is rendered in the same call.
    pub(crate) sources: &'a Sources,
}

impl Links<'_> {
    /// The address in the page; `None` for one that the page must not have.
    pub(crate) fn resolve(&self, address: &str) -> Option<String> {
        let address = cleaned(address);
        if let Some(scheme) = scheme(&address) {
            return LINK_SCHEMES.contains(&scheme.as_str()).then_some(address);
        }
        let path_end = address.find(['#', '?']).unwrap_or(address.len());
        let (path, rest) = address.split_at(path_end);
        // Artifacts lie in the same folders as their sources, so that only the name at the end changes.
        match self.target(path) {
            Some(name) if self.sources.contains(&name) => Some(format!("{}{rest}", artifact_name(path))),
            _ => Some(address),
        }
    }

    /// The file of the workspace that a relative path names.
    fn target(&self, path: &str) -> Option<String> {
        if path.is_empty() || path.starts_with('/') {
            return None;
        }
        let path = percent_decoded(path)?;
        let mut parts: Vec<&str> = self.document.split('/').collect();
        parts.pop();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        Some(parts.join("/"))
    }
}

/// The address of a picture in the page; `None` for one that the page must not have.
pub(crate) fn image(address: &str) -> Option<String> {
    let address = cleaned(address);
    let allowed = match scheme(&address) {
        None => true,
        Some(scheme) if scheme == "data" => IMAGE_DATA
            .iter()
            .any(|start| address.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))),
        Some(scheme) => IMAGE_SCHEMES.contains(&scheme.as_str()),
    };
    allowed.then_some(address)
}

/// Without what a browser leaves out before it looks for a scheme: `java\nscript:` is one to it.
fn cleaned(address: &str) -> String {
    address.trim().chars().filter(|c| !c.is_control()).collect()
}

/// What stands before the first colon, if that is not inside a path, in lower case.
fn scheme(address: &str) -> Option<String> {
    let end = address.find([':', '/', '?', '#'])?;
    address[end..].starts_with(':').then(|| address[..end].to_lowercase())
}

/// `None` where the escapes are none, or make no text.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sources() -> Sources {
        let files = ["README.md", "docs/guide.md", "docs/my notes.markdown", "LICENSE"];
        Sources::named(files.map(str::to_owned).to_vec()).unwrap()
    }

    #[test]
    fn links_between_rendered_files_lead_to_pages() {
        let sources = sources();
        let rows = [
            ("README.md", "docs/guide.md", "docs/guide.html"),
            ("README.md", "./docs/guide.md#usage", "./docs/guide.html#usage"),
            ("README.md", "docs/my%20notes.markdown?x#y", "docs/my%20notes.html?x#y"),
            ("README.md", "LICENSE", "LICENSE.html"),
            ("README.md", "README.md#top", "README.html#top"),
            ("docs/guide.md", "../README.md", "../README.html"),
            ("docs/guide.md", "../docs/../README.md", "../docs/../README.html"),
            // What is not rendered, or not in the workspace, stays what it is.
            ("README.md", "docs/other.md", "docs/other.md"),
            ("docs/guide.md", "README.md", "README.md"),
            ("README.md", "../README.md", "../README.md"),
            ("README.md", "/README.md", "/README.md"),
            ("README.md", "#usage", "#usage"),
            ("README.md", "", ""),
            ("README.md", "https://example.com/README.md", "https://example.com/README.md"),
            ("README.md", "//example.com/README.md", "//example.com/README.md"),
            ("README.md", "mailto:a@example.com", "mailto:a@example.com"),
            ("README.md", "broken%2.md", "broken%2.md"),
        ];
        for (document, address, expected) in rows {
            let links = Links { document, sources: &sources };
            assert_eq!(links.resolve(address).as_deref(), Some(expected), "{address} in {document}");
        }
    }

    #[test]
    fn addresses_that_could_run_code_are_refused() {
        let sources = sources();
        let links = Links { document: "README.md", sources: &sources };
        for address in [
            "javascript:alert(1)",
            " JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "vbscript:x",
            "data:text/html,<script>",
            "file:///etc/passwd",
            ":x",
        ] {
            assert_eq!(links.resolve(address), None, "{address:?}");
            assert_eq!(image(address), None, "{address:?}");
        }
        assert_eq!(image("data:image/svg+xml;base64,x"), None);
        assert!(image("DATA:image/png;base64,x").is_some());
        assert!(image("img/a.png").is_some());
    }

    proptest! {
        #[test]
        fn no_address_is_resolved_to_another_scheme(address in "[a-z%#?./:\\n é2]{0,16}") {
            let sources = sources();
            if let Some(resolved) = (Links { document: "docs/guide.md", sources: &sources }).resolve(&address) {
                prop_assert!(scheme(&resolved).is_none_or(|scheme| LINK_SCHEMES.contains(&scheme.as_str())));
            }
        }
    }
}
