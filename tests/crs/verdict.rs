//! What is expected against what was seen.

use crate::error_log::ErrorLog;
use crate::exchange::Exchange;
use crate::ftw::{Output, Test};

/// Why a test failed, if it did.
pub fn failure(test: &Test, seen: &[Exchange], log: &ErrorLog) -> Option<String> {
    test.stages
        .iter()
        .zip(seen)
        .enumerate()
        .find_map(|(number, (stage, seen))| {
            let reason = disappointment(&stage.output, seen, log)?;
            Some(format!(
                "stage {}: {reason}; status {:?}, logged {:?}",
                number + 1,
                seen.status,
                log.ids(seen.port)
            ))
        })
}

fn disappointment(output: &Output, seen: &Exchange, log: &ErrorLog) -> Option<String> {
    if output.expect_error {
        return seen
            .status
            .map(|status| format!("a response with status {status} instead of none"));
    }
    if seen.status.is_none() {
        return Some(format!("no response ({} bytes that are none)", seen.length));
    }
    if let Some(status) = output.status.filter(|status| seen.status != Some(*status)) {
        return Some(format!("status is not {status}"));
    }
    let ids = log.ids(seen.port);
    let lines = log.of(seen.port);
    let expected = &output.log;
    if let Some(id) = expected.expect_ids.iter().find(|id| !ids.contains(id)) {
        return Some(format!("{id} did not match"));
    }
    if let Some(id) = expected.no_expect_ids.iter().find(|id| ids.contains(id)) {
        return Some(format!("{id} matched"));
    }
    if let Some(pattern) = &expected.match_regex
        && !lines.iter().any(|line| pattern.is_match(line))
    {
        return Some(format!("no line matches {pattern}"));
    }
    if let Some(pattern) = &expected.no_match_regex
        && let Some(line) = lines.iter().find(|line| pattern.is_match(line))
    {
        return Some(format!("a line matches {pattern}: {line}"));
    }
    None
}

/// Compares a request's two fates: `DetectionOnly` logs the rules that deny (`deny`, or `block` with an anomaly score over
/// the threshold), and `On` must answer with their status then, and as before otherwise. True if it was refused.
pub fn blocking(
    (before, detected): (&Exchange, &ErrorLog),
    (after, blocked): (&Exchange, &ErrorLog),
) -> Result<bool, String> {
    let denied = blocked.of(after.port).iter().find_map(|line| {
        line.split_once("Access denied with code ")?
            .1
            .get(..3)?
            .parse()
            .ok()
    });
    let would = detected
        .ids(before.port)
        .iter()
        .any(|id| DENYING.contains(id));
    let story = format!(
        "status {:?} with DetectionOnly and {:?} with On, logged {:?} and {:?}",
        before.status,
        after.status,
        detected.ids(before.port),
        blocked.ids(after.port)
    );
    match (would, denied) {
        (true, Some(status)) if after.status == Some(status) && matches!(status, 400 | 403) => {
            Ok(true)
        }
        (true, _) => Err(format!("not refused: {story}")),
        (false, None) if after.status == before.status => Ok(false),
        (false, _) => Err(format!("refused or changed: {story}")),
    }
}

/// The rules that deny by themselves: body parsing (httpd.conf), and the evaluation of the anomaly scores.
const DENYING: [u64; 7] = [
    200_002, 200_003, 200_004, 200_005, 200_007, 949_110, 959_100,
];
