//! Tests of the engine with fake stages and fake capabilities.
