//! The usual expressions, taken directly: reading, comparing and joining texts, without the evaluator.
//!
//! A million people times a few expressions is where the time of a plan goes, and nearly all expressions are of these
//! shapes. A shape that meets something that it was not made for (a custom attribute that is no text, a value beyond a
//! limit) says `None`, and the evaluator decides: so both ways give the same, and a test compares them.

mod build;
mod evaluate;

pub use build::direct;

use super::functions::Pattern;
use crate::attribute::{Attribute, GroupAttribute};

/// An expression of one of the usual shapes.
#[derive(Debug)]
pub enum Direct {
    Text(Text),
    Flag(Flag),
    List(Vec<Text>),
    /// `filter` and `map`: a value for each item that passes the condition.
    Loop(Items, Flag, Text),
}

/// A text.
#[derive(Debug)]
pub enum Text {
    Literal(Box<str>),
    User(Attribute),
    Group(GroupAttribute),
    Custom(Box<str>),
    /// The variable of the loop around it.
    Item,
    Lower(Box<Self>),
    Upper(Box<Self>),
    Trim(Box<Self>),
    Replace {
        text: Box<Self>,
        from: Box<str>,
        to: Box<str>,
    },
    Joined(Vec<Self>),
    Choice(Box<(Flag, Self, Self)>),
}

/// A list that is searched or counted where it lies.
#[derive(Debug)]
pub enum Items {
    Emails,
    Groups,
    Members,
    Literal(Vec<Box<str>>),
}

/// A yes or no.
#[derive(Debug)]
pub enum Flag {
    Literal(bool),
    Active,
    HasCustom(Box<str>),
    Equal(Text, Text),
    In(Text, Items),
    StartsWith(Text, Text),
    EndsWith(Text, Text),
    Contains(Text, Text),
    Matches(Text, Pattern),
    /// The size of the list and the number, compared.
    Size(Items, Comparison, usize),
    /// `exists`: whether the condition is true for one item.
    Exists(Items, Box<Self>),
    Not(Box<Self>),
    And(Box<(Self, Self)>),
    Or(Box<(Self, Self)>),
}

/// How a size is compared with a number.
#[derive(Clone, Copy, Debug)]
pub enum Comparison {
    Equal,
    Less,
    Greater,
}
