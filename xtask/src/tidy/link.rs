//! Links between the repository's documents: each leads to a file that exists.
//! Addresses elsewhere are not followed.

use std::path::{Component, Path, PathBuf};

use super::tree::{Text, Tree};
use crate::violation::Violation;

/// Every relative link resolves to a file or directory of the checkout.
pub(crate) fn resolve(tree: &Tree) -> Vec<Violation> {
    tree.documents.iter().flat_map(|document| broken(&tree.root, document)).collect()
}

fn broken(root: &Path, document: &Text) -> Vec<Violation> {
    targets(&document.text)
        .into_iter()
        .filter(|(_, target)| !leads_somewhere(root, &document.path, target))
        .map(|(line, target)| Violation {
            rule: "broken-link",
            what: format!("the link to `{target}` leads nowhere"),
            at: format!("{}:{line}", document.path),
            remedy: "name a file of this repository, relative to the document".to_owned(),
        })
        .collect()
}

fn leads_somewhere(root: &Path, document: &str, target: &str) -> bool {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    if path.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let directory = Path::new(document).parent().unwrap_or(Path::new(""));
    // Worked out on the text: a link that leaves the checkout works on one machine only.
    let mut inside = Vec::new();
    let joined = directory.join(path);
    for component in joined.components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::CurDir => {}
            Component::ParentDir if inside.pop().is_some() => {}
            _ => return false,
        }
    }
    root.join(inside.iter().collect::<PathBuf>()).exists()
}

/// Link targets outside code, with their line: `[text](target)` and `[name]: target`.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let opens = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, opens) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(mark), Some(same)) if mark == same => fence = None,
            (None, None) => found.extend(targets_of(line).into_iter().map(|target| (index + 1, target))),
            (Some(_), _) => {}
        }
    }
    found
}

fn targets_of(line: &str) -> Vec<&str> {
    if let Some((_, target)) = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
        return vec![target.split_whitespace().next().unwrap_or_default()];
    }
    let outside_code = line.split('`').step_by(2);
    // A link's text may be code, so its target may begin a piece of its own.
    outside_code
        .flat_map(|piece| piece.match_indices("](").filter_map(|(at, _)| target_at(&piece[at + 2..])))
        .collect()
}

fn target_at(text: &str) -> Option<&str> {
    let target = text.split(')').next()?;
    let target = target.split(" \"").next()?;
    Some(target.trim().trim_start_matches('<').trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use super::targets;

    #[test]
    fn links_are_found_outside_code_alone() {
        let text = "a [b](c.md) and [d](<e.md> \"title\")\n`[x](no.md)` [`f`](g.md#h)\n```text\n[x](no.md)\n```\n[ref]: i.md\n";
        assert_eq!(targets(text), [(1, "c.md"), (1, "e.md"), (2, "g.md#h"), (6, "i.md")]);
    }
}
