//! What a plugin may and what holds it, in lines.

use plugdock::Explanation;

use super::paint::{Paint, printable};

/// The explanation, each part under a heading.
pub(crate) fn explanation(explained: &Explanation, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(paint.strong("may"));
    if explained.grants.is_empty() {
        lines.push("  nothing beyond its workspace".to_owned());
    }
    for grant in &explained.grants {
        let why = grant.why.as_deref().map(|why| format!(" ({})", printable(why))).unwrap_or_default();
        lines.push(format!("  {}: {}{}", grant.may, printable(&grant.scope), paint.faint(&why)));
        let through =
            grant.through.map(|call| format!("through {call}, checked by the host; ")).unwrap_or_default();
        lines.push(paint.faint(&format!("    {through}by itself: {}", grant.direct)));
    }
    let (held, open): (Vec<_>, Vec<_>) = explained.walls.iter().partition(|wall| wall.by.is_some());
    lines.push(paint.strong("closed"));
    for wall in held {
        lines.push(format!("  {}{}", wall.what, paint.faint(&format!(": {}", wall.by.unwrap_or_default()))));
    }
    lines.push(paint.strong("limits"));
    lines.extend(explained.groups.iter().map(|group| format!("  {group}")));
    lines.push(format!("  {}", explained.rlimits.join(", ")));
    let missed = explained.unenforced.iter().map(|missed| {
        let how = if missed.partly { "held in part" } else { "not held" };
        format!("  {}: {how}; {}", missed.limit, missed.reason)
    });
    let open: Vec<String> = open.iter().map(|wall| format!("  {}", wall.what)).chain(missed).collect();
    if !open.is_empty() {
        lines.push(paint.strong("not held here, or in part"));
        lines.extend(open);
    }
    lines
}
