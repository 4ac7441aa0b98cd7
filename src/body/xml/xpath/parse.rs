//! Tokens to a tree: the grammar of XPath 1.0.

use std::ops::Range;

use super::Error;
use super::expression::{
    Arithmetic, Axis, Code, Comparison, Expr, Kind, Path, Predicate, Prefix, Start, Step, Test,
};
use super::functions::Function;
use super::lexer::{Token, tokens};
use crate::limits::XPATH_NESTING_LIMIT;

/// Parses an expression.
pub(super) fn parse(source: &[u8]) -> Result<Code, Error> {
    let text = std::str::from_utf8(source)
        .map_err(|_| Error::new("The expression is not UTF-8", 0..source.len()))?;
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        end: source.len(),
        depth: 0,
        prefixes: Vec::new(),
    };
    let root = parser.expression()?;
    if parser.peek().is_some() {
        return Err(parser.unexpected("the end"));
    }
    Ok(Code {
        source: source.into(),
        root,
        prefixes: parser.prefixes,
    })
}

struct Parser<'s> {
    tokens: Vec<(Token<'s>, Range<usize>)>,
    at: usize,
    end: usize,
    depth: usize,
    prefixes: Vec<Prefix>,
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Option<&Token<'s>> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn peek_second(&self) -> Option<&Token<'s>> {
        self.tokens.get(self.at + 1).map(|(token, _)| token)
    }

    fn span(&self) -> Range<usize> {
        let span = self.tokens.get(self.at).map(|(_, span)| span.clone());
        span.unwrap_or(self.end..self.end)
    }

    fn accept(&mut self, token: &Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token<'_>, name: &str) -> Result<(), Error> {
        match self.accept(token) {
            true => Ok(()),
            false => Err(self.unexpected(name)),
        }
    }

    fn unexpected(&self, wanted: &str) -> Error {
        Error::new(format!("Invalid XPath: {wanted} was expected"), self.span())
    }

    /// A whole expression, inside of something else unless it is the outermost.
    fn expression(&mut self) -> Result<Expr, Error> {
        self.depth += 1;
        if self.depth > XPATH_NESTING_LIMIT {
            return Err(Error::new(
                "The expression is nested too deeply",
                self.span(),
            ));
        }
        let or = self.list(Self::and, &Token::Or, Expr::Or);
        self.depth -= 1;
        or
    }

    fn and(&mut self) -> Result<Expr, Error> {
        self.list(Self::equality, &Token::And, Expr::And)
    }

    fn union(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let union = self.list(Self::path, &Token::Pipe, Expr::Union)?;
        if let Expr::Union(parts) = &union
            && parts.iter().any(|part| part.kind() != Kind::Nodes)
        {
            let end = self.span().start;
            return Err(Error::new("Only sets of nodes can be united", start..end));
        }
        Ok(union)
    }

    /// One operand, or several between the same operators.
    fn list(
        &mut self,
        operand: fn(&mut Self) -> Result<Expr, Error>,
        operator: &Token<'_>,
        make: fn(Vec<Expr>) -> Expr,
    ) -> Result<Expr, Error> {
        let first = operand(self)?;
        if self.peek() != Some(operator) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.accept(operator) {
            parts.push(operand(self)?);
        }
        Ok(make(parts))
    }

    fn equality(&mut self) -> Result<Expr, Error> {
        self.chain(Self::relation, Expr::Compare, |token| match token {
            Token::Equal => Some(Comparison::Equal),
            Token::NotEqual => Some(Comparison::NotEqual),
            _ => None,
        })
    }

    fn relation(&mut self) -> Result<Expr, Error> {
        self.chain(Self::sum, Expr::Compare, |token| match token {
            Token::Less => Some(Comparison::Less),
            Token::LessOrEqual => Some(Comparison::LessOrEqual),
            Token::Greater => Some(Comparison::Greater),
            Token::GreaterOrEqual => Some(Comparison::GreaterOrEqual),
            _ => None,
        })
    }

    fn sum(&mut self) -> Result<Expr, Error> {
        self.chain(Self::product, Expr::Arithmetic, |token| match token {
            Token::Plus => Some(Arithmetic::Add),
            Token::Minus => Some(Arithmetic::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Expr, Error> {
        self.chain(Self::negation, Expr::Arithmetic, |token| match token {
            Token::Multiply => Some(Arithmetic::Multiply),
            Token::Div => Some(Arithmetic::Divide),
            Token::Mod => Some(Arithmetic::Remainder),
            _ => None,
        })
    }

    /// One operand, or several between operators of one level.
    fn chain<O>(
        &mut self,
        operand: fn(&mut Self) -> Result<Expr, Error>,
        make: fn(Box<Expr>, Vec<(O, Expr)>) -> Expr,
        operator: fn(&Token<'_>) -> Option<O>,
    ) -> Result<Expr, Error> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(found) = self.peek().and_then(operator) {
            self.at += 1;
            rest.push((found, operand(self)?));
        }
        Ok(match rest.is_empty() {
            true => first,
            false => make(Box::new(first), rest),
        })
    }

    fn negation(&mut self) -> Result<Expr, Error> {
        let mut signs = 0;
        while self.accept(&Token::Minus) {
            signs += 1;
        }
        let mut operand = self.union()?;
        // Twice is the number itself; once more would only make it deeper.
        for _ in 0..(if signs > 1 { 2 - signs % 2 } else { signs }) {
            operand = Expr::Negate(Box::new(operand));
        }
        Ok(operand)
    }

    fn path(&mut self) -> Result<Expr, Error> {
        if self.starts_primary() {
            return self.filter();
        }
        let mut steps = Vec::new();
        let start = if self.accept(&Token::Slash) {
            if self.starts_step() {
                steps.push(self.step()?);
            }
            Start::Root
        } else if self.peek() == Some(&Token::SlashSlash) {
            Start::Root
        } else {
            steps.push(self.step()?);
            Start::Context
        };
        self.more_steps(&mut steps)?;
        Ok(Expr::Path(Path { start, steps }))
    }

    fn filter(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let primary = self.primary()?;
        let span = start..self.span().start;
        let predicates = self.predicates()?;
        let mut steps = Vec::new();
        if self.accept(&Token::Slash) {
            steps.push(self.step()?);
        }
        self.more_steps(&mut steps)?;
        if predicates.is_empty() && steps.is_empty() {
            return Ok(primary);
        }
        if primary.kind() != Kind::Nodes {
            let message = "Predicates and steps need a set of nodes before them";
            return Err(Error::new(message, span));
        }
        Ok(Expr::Path(Path {
            start: Start::Filter(Box::new(primary), predicates),
            steps,
        }))
    }

    fn more_steps(&mut self, steps: &mut Vec<Step>) -> Result<(), Error> {
        loop {
            if self.accept(&Token::SlashSlash) {
                let step = self.step()?;
                push_below(steps, step);
            } else if self.accept(&Token::Slash) {
                steps.push(self.step()?);
            } else {
                return Ok(());
            }
        }
    }

    fn starts_primary(&self) -> bool {
        match self.peek() {
            Some(Token::Open | Token::Literal(_) | Token::Number(_)) => true,
            Some(Token::Name(prefix, name)) => {
                self.peek_second() == Some(&Token::Open)
                    && (prefix.is_some() || !is_node_type(name))
            }
            _ => false,
        }
    }

    fn starts_step(&self) -> bool {
        matches!(
            self.peek(),
            Some(
                Token::Dot
                    | Token::DotDot
                    | Token::At
                    | Token::Wildcard
                    | Token::PrefixWildcard(_)
                    | Token::Name(..)
            )
        )
    }

    fn primary(&mut self) -> Result<Expr, Error> {
        let span = self.span();
        let token = self.peek().cloned();
        self.at += 1;
        match token {
            Some(Token::Literal(text)) => Ok(Expr::Literal(text.as_bytes().into())),
            Some(Token::Number(number)) => Ok(Expr::Number(number)),
            Some(Token::Open) => {
                let inner = self.expression()?;
                self.expect(&Token::Close, "\")\"")?;
                Ok(inner)
            }
            Some(Token::Name(None, name)) => self.call(name, span),
            Some(Token::Name(Some(prefix), name)) => {
                let message = format!("There is no function \"{prefix}:{name}\" in XPath 1.0");
                Err(Error::new(message, span))
            }
            _ => Err(self.unexpected("an expression")),
        }
    }

    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Expr, Error> {
        let function = Function::lookup(name).ok_or_else(|| {
            let message = format!("There is no function \"{name}\" in XPath 1.0");
            Error::new(message, span.clone())
        })?;
        self.expect(&Token::Open, "\"(\"")?;
        let mut arguments = Vec::new();
        if self.peek() != Some(&Token::Close) {
            arguments.push(self.expression()?);
            while self.accept(&Token::Comma) {
                arguments.push(self.expression()?);
            }
        }
        self.expect(&Token::Close, "\")\"")?;
        match function.problem(&arguments) {
            Some(problem) => Err(Error::new(format!("{name}() {problem}"), span)),
            None => Ok(Expr::Call(function, arguments)),
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        let abbreviated = |axis| Step {
            axis,
            test: Test::Any,
            predicates: Vec::new(),
        };
        if self.accept(&Token::Dot) {
            return Ok(abbreviated(Axis::SelfNode));
        }
        if self.accept(&Token::DotDot) {
            return Ok(abbreviated(Axis::Parent));
        }
        let axis = if self.accept(&Token::At) {
            Axis::Attribute
        } else if self.peek_second() == Some(&Token::ColonColon) {
            let axis = match self.peek() {
                Some(Token::Name(None, name)) => Axis::lookup(name),
                _ => None,
            };
            let axis = axis.ok_or_else(|| self.unexpected("the name of an axis"))?;
            self.at += 2;
            axis
        } else {
            Axis::Child
        };
        Ok(Step {
            axis,
            test: self.test()?,
            predicates: self.predicates()?,
        })
    }

    fn test(&mut self) -> Result<Test, Error> {
        let span = self.span();
        let token = self.peek().cloned();
        let test = match token {
            Some(Token::Wildcard) => Test::Wildcard,
            Some(Token::PrefixWildcard(prefix)) => Test::Namespace(self.prefix(prefix, &span)),
            Some(Token::Name(None, name))
                if is_node_type(name) && self.peek_second() == Some(&Token::Open) =>
            {
                self.at += 2;
                return self.node_type(name);
            }
            Some(Token::Name(prefix, name)) => {
                let prefix = prefix.map(|prefix| self.prefix(prefix, &span));
                Test::Name(prefix, name.as_bytes().into())
            }
            _ => return Err(self.unexpected("a name or another node test")),
        };
        self.at += 1;
        Ok(test)
    }

    fn node_type(&mut self, name: &str) -> Result<Test, Error> {
        let test = match (name, self.peek()) {
            ("node", _) => Test::Any,
            ("text", _) => Test::Text,
            ("comment", _) => Test::Comment,
            (_, Some(Token::Literal(target))) => {
                let target = target.as_bytes().into();
                self.at += 1;
                Test::Instruction(Some(target))
            }
            _ => Test::Instruction(None),
        };
        self.expect(&Token::Close, "\")\"")?;
        Ok(test)
    }

    fn predicates(&mut self) -> Result<Vec<Predicate>, Error> {
        let mut predicates = Vec::new();
        while self.accept(&Token::OpenBracket) {
            predicates.push(Predicate::new(self.expression()?));
            self.expect(&Token::CloseBracket, "\"]\"")?;
        }
        Ok(predicates)
    }

    /// The number of a prefix.
    fn prefix(&mut self, name: &str, span: &Range<usize>) -> usize {
        let known = self.prefixes.iter();
        let mut known = known.map(|prefix| &prefix.name[..]);
        known.position(|k| k == name.as_bytes()).unwrap_or_else(|| {
            self.prefixes.push(Prefix {
                name: name.as_bytes().into(),
                span: span.start..span.start + name.len(),
            });
            self.prefixes.len() - 1
        })
    }
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

/// Adds a step behind `//`, which is `/descendant-or-self::node()/`. Where no position is asked for, the two are one.
fn push_below(steps: &mut Vec<Step>, mut step: Step) {
    let positional = step.predicates.iter().any(|p| p.positional);
    if step.axis == Axis::Child && !positional {
        step.axis = Axis::Descendant;
    } else {
        steps.push(Step {
            axis: Axis::DescendantOrSelf,
            test: Test::Any,
            predicates: Vec::new(),
        });
    }
    steps.push(step);
}
