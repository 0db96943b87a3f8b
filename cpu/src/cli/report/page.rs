//! `report.html`: one page with everything in it, which needs nothing but itself.

use std::fmt::{self, Write};

use cpu::{Error, Result};
use serde::Serialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Results;
use super::raster::data_url;
use cpu::picture::{Contents, Picture, dark_rules, split_tag};

const STYLE: &str = include_str!("page.css");

/// The page as text.
pub fn page<S: Serialize>(results: &Results<'_, S>, pictures: &[Picture]) -> Result<String> {
    let mut html = String::new();
    write(&mut html, results, pictures)
        .map_err(|error| Error::Io(format!("the report cannot be put together: {error}")))?;
    Ok(html)
}

fn write<S: Serialize>(
    html: &mut String,
    results: &Results<'_, S>,
    pictures: &[Picture],
) -> Result<(), Box<dyn std::error::Error>> {
    let accuracy = format!("{:.2} %", 100.0 * results.evaluation.accuracy());
    let command = Escaped(results.command);
    write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{command}: {accuracy}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n\
         <header>\n<h1>{command}</h1>\n<dl class=\"figures\">\n",
        dark_rules()
    )?;
    for (name, value) in figures(results, accuracy) {
        writeln!(
            html,
            "<div><dt>{name}</dt><dd>{}</dd></div>",
            Escaped(&value)
        )?;
    }
    html.push_str("</dl>\n</header>\n<main>\n");
    for picture in pictures {
        figure(html, picture)?;
    }
    html.push_str("<section>\n<h2>Run</h2>\n<table>\n");
    for (name, text) in results.setting {
        row(html, name, text)?;
    }
    html.push_str("</table>\n</section>\n<section>\n<h2>Numbers</h2>\n<table class=\"numbers\">\n");
    // Read back from text, an object keeps the order of its fields.
    let text = serde_json::to_string(results.summary)?;
    let fields = serde_json::Deserializer::from_str(&text).deserialize_map(Fields)?;
    for (name, value) in &fields {
        row(html, &name.replace('_', " "), &number(value))?;
    }
    html.push_str("</table>\n</section>\n</main>\n</body>\n</html>\n");
    Ok(())
}

/// What one wants to know first.
fn figures<S>(results: &Results<'_, S>, accuracy: String) -> Vec<(&'static str, String)> {
    let mut figures = vec![
        ("accuracy", accuracy),
        ("loss", format!("{:.4}", results.evaluation.mean_loss)),
        ("images", results.test.n_images().to_string()),
    ];
    if let Some(last) = results.history.last() {
        let seconds: f64 = results.history.iter().map(|epoch| epoch.seconds).sum();
        figures.push(("epochs", last.epoch.to_string()));
        figures.push(("training", format!("{seconds:.1} s")));
    }
    figures
}

fn figure(html: &mut String, picture: &Picture) -> fmt::Result {
    let (title, caption) = (Escaped(picture.title), Escaped(&picture.caption));
    write!(
        html,
        "<figure>\n<h2>{title}</h2>\n<div class=\"scroll\" tabindex=\"0\">"
    )?;
    match &picture.contents {
        Contents::Svg(svg) => {
            let (tag, rest) = split_tag(svg);
            let attributes = tag.strip_prefix("<svg").unwrap_or(tag);
            write!(
                html,
                "<svg role=\"img\" aria-label=\"{title}: {caption}\"{attributes}{rest}"
            )?;
        }
        Contents::Png(bytes) => {
            write!(
                html,
                "<img alt=\"{title}: {caption}\" src=\"{}\">",
                data_url(bytes)
            )?;
        }
    }
    writeln!(
        html,
        "</div>\n<figcaption>{caption}</figcaption>\n</figure>"
    )
}

fn row(html: &mut String, name: &str, text: &str) -> fmt::Result {
    let (name, text) = (Escaped(name), Escaped(text));
    writeln!(
        html,
        "<tr><th scope=\"row\">{name}</th><td>{text}</td></tr>"
    )
}

/// A value as a person writes it.
fn number(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(number).collect::<Vec<_>>().join(", "),
        Value::Number(number) => match number.as_f64() {
            Some(real) if number.is_f64() => format!("{}", rounded(real)),
            _ => number.to_string(),
        },
        Value::Object(_) => value.to_string(),
    }
}

/// Six digits: more are noise to a reader, and a number that was an `f32` has as many.
fn rounded(real: f64) -> f64 {
    format!("{real:.5e}").parse().unwrap_or(real)
}

/// The fields of an object, in the order of its text.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

/// Text that cannot be taken for markup, in an element or in an attribute in double quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' => f.write_char('\n')?,
                letter if letter.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        let text = Escaped("<b title=\"'&\u{1b}'\">").to_string();
        assert_eq!(text, "&lt;b title=&quot;&#39;&amp;\u{FFFD}&#39;&quot;&gt;");
    }

    #[test]
    fn fields_keep_their_order_and_numbers_their_digits() {
        let text = r#"{"z": 0.30000001192092896, "a": [128, 64], "m": null, "seed": 18446744073709551615}"#;
        let fields = serde_json::Deserializer::from_str(text)
            .deserialize_map(Fields)
            .unwrap();
        let shown: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", number(value)))
            .collect();
        assert_eq!(
            shown,
            ["z=0.3", "a=128, 64", "m=none", "seed=18446744073709551615"]
        );
    }
}
