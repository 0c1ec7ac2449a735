//! Columns of text.

/// Writes rows below a header in aligned columns; those in `numeric` are aligned to the right.
pub(super) fn aligned<const N: usize>(header: [&str; N], rows: &[[String; N]], numeric: &[usize]) -> String {
    let mut widths = header.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    line(&mut text, header.iter().copied(), &widths, numeric);
    for row in rows {
        line(&mut text, row.iter().map(String::as_str), &widths, numeric);
    }
    text
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize], numeric: &[usize]) {
    let start = text.len();
    for (column, (cell, width)) in cells.zip(widths).enumerate() {
        let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
        text.push_str(if column == 0 { "" } else { "  " });
        if numeric.contains(&column) {
            text.extend([&*gap, cell]);
        } else {
            text.extend([cell, &*gap]);
        }
    }
    let end = text.get(start..).map_or(0, |line| line.trim_end().len());
    text.truncate(start + end);
    text.push('\n');
}

/// Writes how many things there are: `1 point`, `2 points`.
pub(super) fn count(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Writes a value with as few digits as name it; reading it gives the same bits, but for what a NaN carries.
pub(super) fn number(value: f64) -> String {
    let is_plain = value == 0.0 || (1e-7..1e17).contains(&value.abs()) || !value.is_finite();
    if is_plain { format!("{value}") } else { format!("{value:e}") }
}

/// Writes a field of CSV, in quotes where it needs them.
pub(super) fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["long".to_owned(), "100".to_owned()]];

        assert_eq!(aligned(["KEY", "N"], &rows, &[1]), "KEY     N\na       1\nlong  100\n");
    }

    #[test]
    fn numbers_keep_their_bits() {
        for value in [0.0, -0.0, 0.1, 1e300, 5e-324, f64::MAX, 123_456_789.123, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(number(value).parse::<f64>().unwrap().to_bits(), value.to_bits(), "{value}");
        }
        assert_eq!(number(1e300), "1e300");
    }

    #[test]
    fn fields_that_need_quotes_have_them() {
        assert_eq!(csv_field("cpu.total"), "cpu.total");
        assert_eq!(csv_field("a{b=1,c=\"x\"}"), "\"a{b=1,c=\"\"x\"\"}\"");
    }
}
