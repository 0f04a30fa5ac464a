//! A generated block between two marker lines of a hand-written file.
//! Text in, text out; it does not touch files.

/// The two marker lines, each a whole line of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) begin: &'static str,
    pub(crate) end: &'static str,
}

impl Block {
    /// What stands between the markers, or nothing where the markers are missing or out of order.
    pub(crate) fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (start, end) = self.bounds(text)?;
        text.get(start..end)
    }

    /// `text` with `contents` between the markers.
    pub(crate) fn replace(&self, text: &str, contents: &str) -> Option<String> {
        let (start, end) = self.bounds(text)?;
        Some(format!("{}{contents}{}", text.get(..start)?, text.get(end..)?))
    }

    fn bounds(&self, text: &str) -> Option<(usize, usize)> {
        let start = line(text, 0, self.begin)?.1;
        let end = line(text, start, self.end)?.0;
        Some((start, end))
    }
}

/// Where the first line that equals `wanted` begins and ends, its line break included.
fn line(text: &str, from: usize, wanted: &str) -> Option<(usize, usize)> {
    let mut start = from;
    for line in text.get(from..)?.split_inclusive('\n') {
        let end = start + line.len();
        if line.trim_end() == wanted {
            return Some((start, end));
        }
        start = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Block;

    const BLOCK: Block = Block { begin: "<<", end: ">>" };

    #[test]
    fn contents_are_found_and_replaced_between_whole_marker_lines() {
        let text = "a << b\n<<\nold\n>>\nz\n";
        assert_eq!(BLOCK.find(text), Some("old\n"));
        assert_eq!(BLOCK.replace(text, "new\n").as_deref(), Some("a << b\n<<\nnew\n>>\nz\n"));
    }

    #[test]
    fn a_missing_marker_is_told_apart_from_an_empty_block() {
        assert_eq!(BLOCK.find("<<\n>>\n"), Some(""));
        assert_eq!(BLOCK.find("<<\n"), None);
        assert_eq!(BLOCK.find(">>\n<<\n"), None);
    }
}
