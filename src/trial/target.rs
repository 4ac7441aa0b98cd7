//! Targets of requests and names of hosts, as httpd takes them apart.

use bytes::Bytes;

/// Path and query of a target. One with a scheme has its path behind the authority.
pub(super) fn split_target(target: &[u8]) -> (Bytes, Option<Bytes>) {
    let local = match authority(target) {
        Some(_) => {
            let after = position(target, b"://").map_or(0, |at| at + 3);
            let rest = target.get(after..).unwrap_or_default();
            let path = rest
                .iter()
                .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
            path.and_then(|at| rest.get(at..)).unwrap_or(b"/")
        }
        None => target,
    };
    // Compat: what follows a # belongs to neither.
    let end = local.iter().position(|byte| *byte == b'#');
    let local = end.and_then(|end| local.get(..end)).unwrap_or(local);
    match local.iter().position(|byte| *byte == b'?') {
        Some(at) => (
            Bytes::copy_from_slice(local.get(..at).unwrap_or_default()),
            Some(Bytes::copy_from_slice(
                local.get(at + 1..).unwrap_or_default(),
            )),
        ),
        None => (Bytes::copy_from_slice(local), None),
    }
}

/// The authority of a target with a scheme, without user and password.
pub(super) fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = position(target, b"://").filter(|at| *at > 0)?;
    let letters = target.get(..scheme)?;
    if !letters.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let rest = target.get(scheme + 3..)?;
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let user = authority.iter().rposition(|byte| *byte == b'@');
    user.map_or(Some(authority), |at| authority.get(at + 1..))
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}

/// The name in a Host header in lower case, without its port; `None` where httpd refuses it.
pub(super) fn host_name(host: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(host).ok()?;
    if text.is_empty() {
        return Some(String::new());
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        let sound = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return sound.then(|| address.to_ascii_lowercase());
    }
    let name = match text.rsplit_once(':') {
        Some((name, port)) => is_port(port).then_some(name)?,
        None => text,
    };
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let dots = name.contains("..");
    let name_is_sound = !name.is_empty() && name.bytes().all(sound) && !dots;
    name_is_sound.then(|| name.trim_end_matches('.').to_ascii_lowercase())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}
