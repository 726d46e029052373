//! Reports that are made again are those that were made at first, and several runs become one set.
