//! The nodes of a tree, in a list that grows without moving.

use super::document::NodeRecord;

/// Nodes in document order. They are many times larger than what they are made of, so that a growing vector, which is there
/// twice while it moves, would be the most memory that a request takes.
#[derive(Debug, Clone)]
pub(super) struct Nodes {
    /// All but the last have [`Nodes::CHUNK`] of them.
    chunks: Vec<Vec<NodeRecord>>,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            chunks: vec![Vec::new()],
        }
    }
}

impl Nodes {
    const CHUNK: usize = 4096;

    pub(super) fn len(&self) -> usize {
        let last = self.chunks.last().map_or(0, Vec::len);
        self.chunks.len().saturating_sub(1) * Self::CHUNK + last
    }

    pub(super) fn push(&mut self, node: NodeRecord) {
        match self
            .chunks
            .last_mut()
            .filter(|last| last.len() < Self::CHUNK)
        {
            Some(last) => last.push(node),
            None => {
                let mut chunk = Vec::with_capacity(Self::CHUNK);
                chunk.push(node);
                self.chunks.push(chunk);
            }
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&NodeRecord> {
        let chunk = self.chunks.get(index / Self::CHUNK)?;
        chunk.get(index % Self::CHUNK)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut NodeRecord> {
        let chunk = self.chunks.get_mut(index / Self::CHUNK)?;
        chunk.get_mut(index % Self::CHUNK)
    }

    pub(super) fn last(&self) -> Option<&NodeRecord> {
        self.chunks.last()?.last()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut NodeRecord> {
        self.chunks.last_mut()?.last_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &NodeRecord> {
        self.chunks.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::NodeKind;
    use super::*;

    #[test]
    fn nodes_stand_in_their_order_over_chunks() {
        let mut nodes = Nodes::default();
        assert_eq!((nodes.len(), nodes.last().map(|node| node.end)), (0, None));
        for end in 0..10_000 {
            nodes.push(NodeRecord {
                kind: NodeKind::Text,
                name: (0, 0),
                content: (0, 0),
                attributes: 0,
                end,
                parent: 0,
            });
            assert_eq!(nodes.len(), end as usize + 1);
            assert_eq!(nodes.last().map(|node| node.end), Some(end));
        }
        assert!(nodes.iter().map(|node| node.end).eq(0..10_000));
        for index in [0, 4095, 4096, 8191, 8192, 9999] {
            let found = nodes.get(index).map(|node| node.end as usize);
            assert_eq!(found, Some(index));
            nodes.get_mut(index).unwrap().parent = 7;
            assert_eq!(nodes.get(index).unwrap().parent, 7);
        }
        assert!(nodes.get(10_000).is_none());
    }
}
