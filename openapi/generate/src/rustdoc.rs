//! Descriptions (Markdown of anyone) to doc comments that rustdoc takes without a warning:
//! no link into nowhere, no bare URL, no HTML, no code that would be run as a test.

use crate::ir::Docs;

/// The width to which plain paragraphs are broken.
const WIDTH: usize = 112;

/// The lines of the comment. `compact` keeps notes and evidence in the paragraph of a one-paragraph description.
pub(crate) fn lines(docs: &Docs, fallback: &str, compact: bool) -> Vec<String> {
    let text = docs
        .text
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map_or_else(|| in_one_line(fallback), markdown);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut tail: Vec<String> = docs.notes.iter().map(|note| markdown(note)).collect();
    tail.extend(evidence(docs));
    let plain = compact && lines.iter().all(|line| starts_plainly(line));
    if plain && !tail.is_empty() {
        if let Some(last) = lines.last_mut() {
            close(last);
        }
        lines.extend(tail);
    } else {
        for paragraph in tail {
            lines.push(String::new());
            lines.extend(paragraph.lines().map(str::to_owned));
        }
    }
    broken(&lines)
}

/// Breaks the long lines of plain paragraphs, never where the next line would start something else than text.
fn broken(lines: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut fenced = false;
    for line in lines {
        fenced ^= line.starts_with("```") || line.starts_with("~~~");
        if fenced || line.chars().count() <= WIDTH || !starts_plainly(line) {
            out.push(line.clone());
            continue;
        }
        let mut current = String::new();
        for word in line.split(' ') {
            let breakable = word.starts_with(char::is_alphanumeric) && !word.ends_with(['.', ')'])
                || word.starts_with(['`', '(', '"']) && !word.starts_with("```");
            if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > WIDTH && breakable {
                out.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        out.push(current);
    }
    out
}

/// One word that links to the sources.
fn evidence(docs: &Docs) -> Option<String> {
    let evidence = docs.evidence.as_deref()?;
    let section = docs.section.as_deref().map_or_else(String::new, |section| format!("#{section}"));
    Some(format!("[`{}`](crate::evidence{section})", evidence.replace('`', "'")))
}

fn starts_plainly(line: &str) -> bool {
    line.starts_with(|first: char| first.is_alphanumeric() || matches!(first, '`' | '(' | '"'))
        && !line.starts_with("```")
        && !is_list_item(line)
}

fn close(line: &mut String) {
    if !line.ends_with(['.', '!', '?', ':', ';']) {
        line.push('.');
    }
}

/// Escapes a description, keeping its paragraphs, lists, code and links to the web.
pub(crate) fn markdown(text: &str) -> String {
    let text: String = text.replace("\r\n", "\n").chars().filter_map(allowed).collect();
    let mut out: Vec<String> = Vec::new();
    let mut paragraph: Vec<String> = Vec::new();
    let mut fence: Option<String> = None;
    for line in text.trim_end().split('\n') {
        let trimmed = line.trim();
        if let Some(open) = &fence {
            if trimmed.starts_with(open.as_str()) && trimmed.chars().all(|c| open.starts_with(c)) {
                out.push(open.clone());
                fence = None;
            } else {
                out.push(line.trim_end().to_owned());
            }
        } else if let Some(mark) = opening_fence(trimmed) {
            flush(&mut paragraph, &mut out);
            out.push(format!("{mark}text"));
            fence = Some(mark);
        } else if trimmed.is_empty() {
            flush(&mut paragraph, &mut out);
            out.push(String::new());
        } else {
            paragraph.push(indented(line));
        }
    }
    flush(&mut paragraph, &mut out);
    out.extend(fence);
    out.join("\n").trim_end().to_owned()
}

/// A fallback may quote a value of the document.
fn in_one_line(text: &str) -> String {
    text.chars().filter_map(allowed).map(|c| if c == '\n' { ' ' } else { c }).collect()
}

/// Control characters become spaces; those that reorder text are dropped, as rustc refuses them.
fn allowed(c: char) -> Option<char> {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        '\n' => Some('\n'),
        c if c.is_control() => Some(' '),
        c => Some(c),
    }
}

fn opening_fence(trimmed: &str) -> Option<String> {
    let mark: String = trimmed.chars().take_while(|&c| c == '`').collect();
    let mark = if mark.is_empty() { trimmed.chars().take_while(|&c| c == '~').collect() } else { mark };
    let rest = trimmed.get(mark.len()..)?;
    (mark.len() >= 3 && !rest.contains('`')).then_some(mark)
}

/// Four spaces would make code, which rustdoc would run: three keep a nested list nested.
fn indented(line: &str) -> String {
    let body = line.trim();
    let depth = line.len() - line.trim_start().len();
    let body = match list_marker(body) {
        Some(length) => {
            let (marker, rest) = body.split_at(length);
            format!("{marker} {}", rest.trim_start())
        }
        None => body.to_owned(),
    };
    format!("{}{body}", " ".repeat(depth.min(3)))
}

fn is_list_item(line: &str) -> bool {
    list_marker(line).is_some()
}

/// The length of the marker with which a list item starts.
fn list_marker(body: &str) -> Option<usize> {
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let length = match body.as_bytes().get(digits)? {
        b'-' | b'*' | b'+' if digits == 0 => 1,
        b'.' | b')' if (1..10).contains(&digits) => digits + 1,
        _ => return None,
    };
    body.get(length..)?.starts_with(' ').then_some(length)
}

fn flush(paragraph: &mut Vec<String>, out: &mut Vec<String>) {
    if !paragraph.is_empty() {
        out.push(inline(&paragraph.join("\n")));
        paragraph.clear();
    }
}

/// Escapes what stands in a paragraph.
fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let (written, used) = match c {
            '`' => code_span(rest),
            '\\' => escaped(rest),
            '[' => link(rest).unwrap_or_else(|| ("\\[".to_owned(), 1)),
            ']' => ("\\]".to_owned(), 1),
            '<' => autolink(rest).unwrap_or_else(|| ("\\<".to_owned(), 1)),
            'h' if !before.is_alphanumeric() => bare_url(rest).unwrap_or_else(|| ("h".to_owned(), 1)),
            c => (c.to_string(), c.len_utf8()),
        };
        out.push_str(&written);
        let (taken, after) = rest.split_at(used);
        before = taken.chars().last().unwrap_or(before);
        rest = after;
    }
    out
}

/// A code span as it is; backticks without a partner are escaped.
fn code_span(rest: &str) -> (String, usize) {
    let width = rest.bytes().take_while(|&b| b == b'`').count();
    let mut at = width;
    while let Some(found) = rest.get(at..).and_then(|tail| tail.find('`')) {
        let start = at + found;
        let run = rest.bytes().skip(start).take_while(|&b| b == b'`').count();
        if run == width {
            let end = start + run;
            return (rest.get(..end).unwrap_or_default().to_owned(), end);
        }
        at = start + run;
    }
    ("\\`".repeat(width), width)
}

/// An escape stays; a lone backslash too.
fn escaped(rest: &str) -> (String, usize) {
    match rest.chars().nth(1) {
        Some(next) if next.is_ascii_punctuation() => (format!("\\{next}"), 2),
        _ => ("\\".to_owned(), 1),
    }
}

/// `[text](https://…)` stays a link; one to a page relative to who knows what keeps its text and names the target.
fn link(rest: &str) -> Option<(String, usize)> {
    let close = closing_bracket(rest)?;
    let text = rest.get(1..close)?;
    let after = rest.get(close + 1..)?.strip_prefix('(')?;
    let end = after.find(')')?;
    let target = after.get(..end)?;
    let address = target.split_whitespace().next().unwrap_or_default();
    let used = close + 1 + 1 + end + 1;
    if (address.starts_with("https://") || address.starts_with("http://") || address.starts_with("mailto:"))
        && address.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '[' | ']' | '(' | '`'))
    {
        // A URL as the text of a link is not bare.
        let text = if text.starts_with("http") { text.replace(['[', ']', '<', '`'], "") } else { inline(text) };
        return Some((format!("[{text}]({address})"), used));
    }
    let shown = if address.is_empty() || address.contains('`') { String::new() } else { format!(" (`{address}`)") };
    Some((format!("{}{shown}", inline(text)), used))
}

fn closing_bracket(rest: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, c) in rest.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `<https://…>`
fn autolink(rest: &str) -> Option<(String, usize)> {
    let end = rest.find('>')?;
    let inner = rest.get(1..end)?;
    let is_url = inner.starts_with("https://") || inner.starts_with("http://");
    (is_url && !inner.contains(|c: char| c.is_whitespace() || c == '<')).then(|| (format!("<{inner}>"), end + 1))
}

fn bare_url(rest: &str) -> Option<(String, usize)> {
    if !rest.starts_with("http://") && !rest.starts_with("https://") {
        return None;
    }
    let stop = |c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '*')
    };
    let length = rest.find(stop).unwrap_or(rest.len());
    let url = rest.get(..length)?.trim_end_matches(['.', ',', ';', ':', '!', '?', '_', '\\']);
    let host = url.split_once("://").map_or("", |(_, host)| host);
    (!host.is_empty()).then(|| (format!("<{url}>"), url.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_stands_in_for_a_description_is_one_line_that_rustc_takes() {
        let written = lines(&Docs::default(), "`a\rb\nc\0d\u{202e}e\u{2066}f`", true);
        assert_eq!(written, ["`a b c def`"]);
    }

    #[test]
    fn text_for_people_stays_as_it_is() {
        for text in [
            "A task.",
            "One\ntwo.\n\nThree.",
            "- a\n- b\n   - c",
            "`[x]` and ``a ` b``",
            "a > b & c",
            "**bold** _it_",
            "| a | b |\n|---|---|",
        ] {
            assert_eq!(markdown(text), text);
        }
    }

    #[test]
    fn brackets_are_no_links() {
        assert_eq!(markdown("an array[string] of [things][1]"), "an array\\[string\\] of \\[things\\]\\[1\\]");
        assert_eq!(markdown("unclosed [ here"), "unclosed \\[ here");
        assert_eq!(markdown("done \\[already\\]"), "done \\[already\\]");
    }

    #[test]
    fn links_to_the_web_stay_and_others_keep_their_text() {
        assert_eq!(markdown("see [the docs](https://example.com/a_b)"), "see [the docs](https://example.com/a_b)");
        assert_eq!(
            markdown("see [the [old] docs](https://example.com \"T\")"),
            "see [the \\[old\\] docs](https://example.com)"
        );
        assert_eq!(markdown("see [the docs](/rest/about#x)"), "see the docs (`/rest/about#x`)");
        assert_eq!(markdown("[https://a.b](https://a.b)"), "[https://a.b](https://a.b)");
    }

    #[test]
    fn bare_urls_get_their_brackets() {
        assert_eq!(
            markdown("at https://example.com/x, or http://a.b."),
            "at <https://example.com/x>, or <http://a.b>."
        );
        assert_eq!(markdown("<https://example.com>"), "<https://example.com>");
        assert_eq!(markdown("(https://example.com)"), "(<https://example.com>)");
        assert_eq!(markdown("https:// and http"), "https:// and http");
    }

    #[test]
    fn html_is_text() {
        assert_eq!(markdown("a <b>bold</b> Vec<String>"), "a \\<b>bold\\</b> Vec\\<String>");
    }

    #[test]
    fn code_is_never_run() {
        assert_eq!(markdown("```\nlet x;\n```"), "```text\nlet x;\n```");
        assert_eq!(markdown("~~~rust\n[x]"), "~~~text\n[x]\n~~~");
        assert_eq!(markdown("text\n\n    let x;\n"), "text\n\n   let x;");
        assert_eq!(markdown("-      let x;"), "- let x;");
    }

    #[test]
    fn lonely_backticks_are_escaped() {
        assert_eq!(markdown("it`s [x]"), "it\\`s \\[x\\]");
    }

    #[test]
    fn characters_that_reorder_or_control_are_gone() {
        assert_eq!(markdown("a\u{202e}b\u{7}c\td"), "ab c d");
    }

    #[test]
    fn the_evidence_is_the_last_line() {
        let docs = Docs {
            text: Some("The title".to_owned()),
            notes: vec!["Set by the service.".to_owned()],
            evidence: Some("observed".to_owned()),
            source: Some("NPM".to_owned()),
            section: None,
        };
        assert_eq!(lines(&docs, "", true), ["The title.", "Set by the service.", "[`observed`](crate::evidence)"]);
        assert_eq!(
            lines(&docs, "", false),
            ["The title", "", "Set by the service.", "", "[`observed`](crate::evidence)"]
        );
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let long = "word ".repeat(30);
        let docs = Docs { text: Some(format!("{long}- 1. last")), ..Docs::default() };
        let lines = lines(&docs, "", false);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert_eq!(lines.join(" "), format!("{long}- 1. last"));
        let table = format!("| {long} |");
        assert_eq!(super::lines(&Docs { text: Some(table.clone()), ..Docs::default() }, "", false), [table]);
    }

    #[test]
    fn what_has_no_description_says_what_it_is() {
        assert_eq!(lines(&Docs::default(), "The field `x`.", true), ["The field `x`."]);
    }
}
