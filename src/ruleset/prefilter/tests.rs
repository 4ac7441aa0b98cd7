use super::tree::{MAX_NODES, Tree};
use crate::transformations::Transformation::*;

#[test]
fn lists_share_their_beginnings() {
    let mut tree = Tree::default();
    assert_eq!(tree.add(&[], false), Some(0b1));
    assert_eq!(tree.add(&[UrlDecodeUni], false), Some(0b10));
    assert_eq!(tree.add(&[UrlDecodeUni, RemoveNulls], false), Some(0b100));
    assert_eq!(tree.add(&[UrlDecodeUni, CmdLine], false), Some(0b1000));
    assert_eq!(tree.add(&[UrlDecodeUni, RemoveNulls], true), Some(0b111));
    assert_eq!(tree.plan(0b1000).steps.len(), 2);
    assert_eq!(tree.plan(0b1).steps.len(), 0);
}

#[test]
fn what_only_changes_case_at_the_end_is_no_step() {
    let mut tree = Tree::default();
    assert_eq!(tree.add(&[None, Lowercase], false), Some(0b1));
    assert_eq!(
        tree.add(&[Lowercase, UrlDecode, Lowercase], false),
        Some(0b100)
    );
    assert_eq!(tree.plan(0b100).steps.len(), 2);
}

#[test]
fn a_tree_is_full_when_it_has_no_bits_left() {
    let mut tree = Tree::default();
    let full = [UrlDecode].repeat(MAX_NODES);
    assert_eq!(tree.add(&full, false), Some(1 << MAX_NODES));
    assert_eq!(tree.add(&[HexDecode], false), Option::None);
    assert!(tree.add(&full, true).is_some());
}

#[test]
fn what_one_step_takes_out_is_there_for_another() {
    use super::class::{Class, Member};
    use crate::byte_set::ByteSet;
    use crate::operators::needs::{Clause, Needs};
    let mut tree = Tree::default();
    let lists = [
        [UrlDecodeUni, CompressWhitespace],
        [UrlDecodeUni, RemoveWhitespace],
    ];
    let texts = lists.map(|list| tree.add(&list, false).unwrap());
    let needs = |byte: u8| {
        let bytes = ByteSet::of(&[byte]);
        let clause = Clause {
            bytes,
            ..Clause::default()
        };
        Needs {
            clauses: vec![clause],
            ..Needs::default()
        }
    };
    let members = [
        Member::new(0, texts[0], &needs(b' ')),
        Member::new(1, texts[1], &needs(b'(')),
    ];
    let class = Class::shared(&[&members[0], &members[1]], &tree);
    let text = b"union select".repeat(100);
    assert!(class.plan.may_matter(&class, 0, &ByteSet::of(&text), &text));
}

#[test]
fn a_step_knows_what_follows_from_it() {
    let mut tree = Tree::default();
    let both = tree.add(&[UrlDecodeUni, RemoveNulls], false).unwrap()
        | tree.add(&[UrlDecodeUni, CmdLine], false).unwrap()
        | tree.add(&[Base64Decode], false).unwrap();
    let plan = tree.plan(both);
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            (
                step.transformation,
                step.from,
                step.text,
                step.next,
                step.texts,
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            (UrlDecodeUni, 0, 1, 3, 0b1110),
            (RemoveNulls, 1, 2, 2, 0b100),
            (CmdLine, 1, 3, 3, 0b1000),
            (Base64Decode, 0, 4, 4, 0b10000),
        ]
    );
    assert!(plan.steps[0].triggers.contains(0) && plan.steps[0].triggers.contains(b'%'));
}
