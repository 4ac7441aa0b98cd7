//! `multipart/form-data` as curl writes it.

use std::fs;
use std::path::Path;

/// Between the parts. curl draws a new one for each request.
const BOUNDARY: &str = "------------------------d74496d66958873e";

/// The media type of the whole.
pub(super) fn media_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A part: what `-F` says, `name=value`, `name=@file` or `name=<file`, each with `;type=` and `;filename=` behind it.
pub(super) fn part(text: &str, directory: &Path) -> Result<Vec<u8>, String> {
    let (name, content) = text
        .split_once('=')
        .ok_or_else(|| format!("-F {text}: name=value is wanted"))?;
    let mut pieces = content.split(';');
    let content = pieces.next().unwrap_or_default();
    let (mut media_type, mut filename) = (None, None);
    let mut value = content.to_owned();
    for piece in pieces {
        match piece.trim_start().split_once('=') {
            Some(("type", text)) => media_type = Some(text.to_owned()),
            Some(("filename", text)) => filename = Some(text.trim_matches('"').to_owned()),
            // Part of the value.
            _ => value = format!("{value};{piece}"),
        }
    }
    let read =
        |name: &str| fs::read(directory.join(name)).map_err(|error| format!("{name}: {error}"));
    let bytes = if let Some(file) = value.strip_prefix('@') {
        media_type.get_or_insert_with(|| type_of(file).to_owned());
        filename.get_or_insert_with(|| file.rsplit('/').next().unwrap_or(file).to_owned());
        read(file)?
    } else if let Some(file) = value.strip_prefix('<') {
        read(file)?
    } else {
        value.trim_matches('"').as_bytes().to_vec()
    };
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "%22");
    let mut part = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"",
        quoted(name)
    );
    if let Some(filename) = filename {
        part.push_str(&format!("; filename=\"{}\"", quoted(&filename)));
    }
    if let Some(media_type) = media_type {
        part.push_str(&format!("\r\nContent-Type: {media_type}"));
    }
    part.push_str("\r\n\r\n");
    let mut part = part.into_bytes();
    part.extend(bytes);
    part.extend(b"\r\n");
    Ok(part)
}

/// What comes behind the last part.
pub(super) fn end() -> Vec<u8> {
    format!("--{BOUNDARY}--\r\n").into_bytes()
}

/// What curl takes a file for.
fn type_of(file: &str) -> &'static str {
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "htm" | "html" => "text/html",
        "pdf" => "application/pdf",
        "xml" => "application/xml",
        _ => "application/octet-stream",
    }
}
