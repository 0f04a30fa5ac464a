//! The shortest list that still fails, as far as leaving things out leads there: delta debugging (A. Zeller and
//! R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", TSE 2002), by complements only.

/// Leaves out of a list that fails whatever it fails without.
pub(super) fn shrink<T: Clone>(whole: &[T], fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut kept = whole.to_vec();
    let mut chunk = kept.len().div_ceil(2).max(1);
    loop {
        let mut shorter = false;
        let mut start = 0;
        while start < kept.len() {
            let end = (start + chunk).min(kept.len());
            let mut without = kept.clone();
            without.drain(start..end);
            if fails(&without) {
                kept = without;
                shorter = true;
            } else {
                start = end;
            }
        }
        // At single elements it goes on until none can be left out: what one leaves may make another one needless.
        if chunk == 1 && !shorter {
            return kept;
        }
        chunk = if chunk > 1 { chunk.div_ceil(2) } else { 1 };
    }
}
