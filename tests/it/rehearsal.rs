//! Whole rehearsals: for every scenario the journal, the end state of the world, the verdict.
