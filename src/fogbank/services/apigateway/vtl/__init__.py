"""Mapping templates: the part of Apache Velocity's language that API Gateway's templates are written in.

`template.py` parses and renders, `expressions.py` is what stands between the brackets of directives, `values.py` how
Java's values look and what can be asked of them, `variables.py` what API Gateway adds: `$input` and `$util`.
"""
