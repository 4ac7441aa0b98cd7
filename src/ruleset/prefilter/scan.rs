//! Values through the scan.

use std::borrow::Cow;

use super::class::{Class, State};
use super::finder::PADDING;
use super::tree::Texts;
use crate::byte_set::ByteSet;
use crate::ruleset::LayerScan;
use crate::transformations::{Env, Transformation};

/// A rule, and a value on which it may match. A hostile request has very many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    rule: u32,
    layer: u32,
    source: u32,
    value: u32,
}

impl Candidate {
    /// The rule's place in the phase.
    pub fn rule(&self) -> usize {
        self.rule as usize
    }

    /// The layer that it is from: an index into [`PhaseRules::scans`](crate::ruleset::PhaseRules::scans).
    pub fn layer(&self) -> usize {
        self.layer as usize
    }

    /// The source of the value: an index into [`Prefilter::sources`](super::Prefilter::sources).
    pub fn source(&self) -> usize {
        self.source as usize
    }

    /// Which of the source's values, counted from 0.
    pub fn value(&self) -> usize {
        self.value as usize
    }
}

/// Memory that scans use one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    state: State,
    folded: Vec<Folded>,
}

/// One text of a value, its ASCII letters in lower case, with [`PADDING`] behind it.
#[derive(Debug, Default)]
struct Folded {
    text: Vec<u8>,
    /// Its bytes.
    bytes: ByteSet,
    texts: Texts,
}

impl Folded {
    fn value(&self) -> &[u8] {
        let length = self.text.len().saturating_sub(PADDING);
        self.text.get(..length).unwrap_or_default()
    }
}

/// Most bytes that are kept of one text's memory between requests.
const KEPT_TEXT: usize = 16 * 1024;

impl Scratch {
    /// Gives back what one large value took.
    pub fn trim(&mut self) {
        for folded in &mut self.folded {
            if folded.text.capacity() > KEPT_TEXT {
                folded.text = Vec::new();
            }
        }
    }
}

/// The scan of one layer of one phase of one request.
pub struct Scan<'s> {
    part: &'s LayerScan,
    layer: usize,
    env: Env<'s>,
    scratch: &'s mut Scratch,
    candidates: &'s mut Vec<Candidate>,
}

impl<'s> Scan<'s> {
    /// Begins the scan of a layer; what is found is added to `candidates`, in no order.
    pub fn new(
        part: &'s LayerScan,
        layer: usize,
        env: Env<'s>,
        scratch: &'s mut Scratch,
        candidates: &'s mut Vec<Candidate>,
    ) -> Scan<'s> {
        Scan {
            part,
            layer,
            env,
            scratch,
            candidates,
        }
    }

    /// Takes the next value of a source. `at` is its place among all the values of the source.
    pub fn value(&mut self, source: usize, at: usize, key: Option<&[u8]>, value: &[u8]) {
        let prefilter = &self.part.prefilter;
        let class = prefilter
            .sources
            .get(source)
            .and_then(|source| source.class(key))
            .and_then(|class| prefilter.classes.get(class));
        let Some(class) = class else {
            return;
        };
        let (layer, places) = (self.layer, &self.part.places);
        let mut candidate = |position: usize| {
            if let Some(Some(rule)) = places.get(position).copied() {
                // There is memory for fewer of each than this has room for.
                self.candidates.push(Candidate {
                    rule: rule as u32,
                    layer: layer as u32,
                    source: source as u32,
                    value: at as u32,
                });
            }
        };
        let bytes = ByteSet::of_text(value);
        let Scratch { state, folded } = &mut *self.scratch;
        let plan = &class.plan;
        if !(plan.triggers.intersects(&bytes) || value.is_empty() && plan.changes_empty) {
            // Whatever the transformations, the text is the value itself.
            fold(folded, 0, Cow::Borrowed(value), bytes, Texts::MAX);
            if let Some(Folded { text, bytes, texts }) = folded.first() {
                class.scan(text, bytes, *texts, state, &mut candidate);
            }
            return;
        }
        let distinct = prepare(class, value, bytes, &self.env, folded);
        for Folded { text, bytes, texts } in folded.iter().take(distinct) {
            class.scan(text, bytes, *texts, state, &mut candidate);
        }
    }
}

/// Puts a text with these bytes to a place in `folded`. A large one that nobody needs any more is not copied, so that it is
/// not there twice.
fn fold(folded: &mut Vec<Folded>, at: usize, text: Cow<'_, [u8]>, bytes: ByteSet, texts: Texts) {
    if folded.len() <= at {
        folded.resize_with(at + 1, Folded::default);
    }
    let Some(place) = folded.get_mut(at) else {
        return;
    };
    match text {
        Cow::Owned(large) if large.len() > KEPT_TEXT => {
            place.text = large;
            place.text.reserve_exact(PADDING);
        }
        text => {
            place.text.clear();
            place.text.reserve(text.len() + PADDING);
            place.text.extend_from_slice(&text);
        }
    }
    place.text.make_ascii_lowercase();
    place.text.extend_from_slice(&[0; PADDING]);
    (place.bytes, place.texts) = (bytes.lowercase(), texts);
}

/// Makes all texts of a value and puts the distinct ones at the beginning of `folded`; their number.
fn prepare(
    class: &Class,
    value: &[u8],
    bytes: ByteSet,
    env: &Env<'_>,
    folded: &mut Vec<Folded>,
) -> usize {
    let plan = &class.plan;
    let mut done: Vec<(usize, Transformation, usize)> = Vec::with_capacity(16);
    // What the steps made; and which of these each text is.
    let mut made: Vec<(Cow<'_, [u8]>, ByteSet, Texts)> = Vec::with_capacity(8);
    made.push((Cow::Borrowed(value), bytes, 1));
    let mut text_of = [0u8; Texts::BITS as usize];
    let mut at = 0;
    while let Some(step) = plan.steps.get(at) {
        at += 1;
        let from = text_of.get(step.from).copied().unwrap_or(0);
        let mut result = usize::from(from);
        let Some((input, bytes, texts)) = made.get_mut(result) else {
            continue;
        };
        if !(step.triggers.intersects(bytes) || input.is_empty() && step.changes_empty) {
            *texts |= step.texts;
            at = step.next;
            continue;
        }
        if !plan.may_matter(class, at - 1, bytes, input) {
            at = step.next;
            continue;
        }
        if step.transformation.may_change(bytes) {
            let (from, transformation) = (result, step.transformation);
            let before = done
                .iter()
                .find(|(input, with, _)| *input == from && *with == transformation);
            result = match before {
                Some((.., result)) => *result,
                None => {
                    let before = *bytes;
                    if let Cow::Owned(changed) = transformation.apply(input, env) {
                        let known = made.iter().position(|(known, ..)| **known == *changed);
                        result = known.unwrap_or_else(|| {
                            let bytes = match transformation.has_close_image() {
                                true => transformation.image(&before),
                                false => ByteSet::of_text(&changed),
                            };
                            made.push((Cow::Owned(changed), bytes, 0));
                            made.len() - 1
                        });
                    }
                    done.push((from, transformation, result));
                    result
                }
            };
        }
        if let Some(place) = text_of.get_mut(step.text) {
            *place = u8::try_from(result).unwrap_or(0);
        }
        if let Some((.., texts)) = made.get_mut(result) {
            *texts |= 1 << step.text;
        }
    }
    let mut distinct = 0;
    for (text, bytes, texts) in made {
        let mut before = folded.iter_mut().take(distinct);
        match before.find(|known| known.value().eq_ignore_ascii_case(&text)) {
            Some(known) => known.texts |= texts,
            None => {
                fold(folded, distinct, text, bytes, texts);
                distinct += 1;
            }
        }
    }
    distinct
}
