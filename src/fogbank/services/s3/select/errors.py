"""Errors of SelectObjectContent.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#SelectObjectContentErrorCodeList has the codes with
these sentences. Where a recorded answer has another sentence than that page, callers give it.
"""

from fogbank.core.errors import AwsError

SENTENCES = {
    "AmbiguousFieldName": "The field name matches to multiple fields in the file. Check the SQL expression and the "
    "file, and try again.",
    "CSVEscapingRecordDelimiter": "A quoted record delimiter was found in the file. To allow quoted record delimiters, "
    "set AllowQuotedRecordDelimiter to 'TRUE'.",
    "CSVUnescapedQuote": "An unescaped quote was found while parsing the CSV file. To allow quoted record delimiters, "
    "set AllowQuotedRecordDelimiter to 'TRUE'.",
    "CastFailed": "Attempt to convert from one data type to another using CAST failed in the SQL expression.",
    "EvaluatorInvalidArguments": "There is an incorrect number of arguments in the function call in the SQL "
    "expression.",
    "EvaluatorInvalidTimestampFormatPattern": "The timestamp format string in the SQL expression is not valid.",
    "EvaluatorInvalidTimestampFormatPatternSymbol": "The timestamp format pattern contains a symbol in the SQL "
    "expression that is not valid.",
    "EvaluatorLikePatternInvalidEscapeSequence": "An argument given to the LIKE expression was not valid.",
    "EvaluatorNegativeLimit": "LIMIT must not be negative.",
    "EvaluatorUnterminatedTimestampFormatPatternToken": "The timestamp format pattern contains an unterminated token "
    "in the SQL expression.",
    "ExpressionTooLong": "The SQL expression is too long. The maximum byte-length for an SQL expression is 256 KB.",
    "ExternalEvalException": "The query cannot be evaluated. Check the file and try again.",
    "IllegalSqlFunctionArgument": "An illegal argument was used in the SQL function.",
    "IncorrectSqlFunctionArgumentType": "An incorrect argument type was specified in a function call in the SQL "
    "expression.",
    "IntegerOverflow": "An integer overflow or underflow occurred in the SQL expression.",
    "InvalidCompressionFormat": "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.",
    "InvalidDataSource": "The data source type is not valid. Only CSV, JSON, and Parquet are supported.",
    "InvalidDataType": "The SQL expression contains a data type that is not valid.",
    "InvalidExpressionType": "The ExpressionType value is not valid. Only SQL expressions are supported.",
    "InvalidFileHeaderInfo": "The FileHeaderInfo value is not valid. Only NONE, USE, and IGNORE are supported.",
    "InvalidJsonType": "The JsonType value is not valid. Only DOCUMENT and LINES are supported.",
    "InvalidQuoteFields": "The QuoteFields value is not valid. Only ALWAYS and ASNEEDED are supported.",
    "InvalidRequestParameter": "The value of a parameter in the SelectRequest element is not valid. Check the service "
    "API documentation and try again.",
    "InvalidScanRange": "The provided scan range is not valid.",
    "JSONParsingError": "An error occurred while parsing the JSON file. Check the file and try again.",
    "LikeInvalidInputs": "The argument given to the LIKE clause in the SQL expression is not valid.",
    "MaxOperatorsExceeded": "Failed to parse SQL expression, try reducing complexity. For example, reduce number of "
    "operators used.",
    "MissingHeaders": "Some headers in the query are missing from the file. Please check the file and try again.",
    "MissingRequiredParameter": "The SelectRequest entity is missing a required parameter. Check the service "
    "documentation and try again.",
    "ObjectSerializationConflict": "InputSerialization specifies more than one format (CSV, JSON, or Parquet), or "
    "OutputSerialization specifies more than one format (CSV or JSON). For InputSerialization and OutputSerialization, "
    "you can specify only one format for each.",
    "OverMaxRecordSize": "The length of a record in the input or result is greater than the maxCharsPerRecord limit of "
    "1 MB.",
    "ParquetParsingError": "An error occurred while parsing the Parquet file. Check the file and try again.",
    "ParseAsteriskIsNotAloneInSelectList": "Other expressions are not allowed in the SELECT list when * is used "
    "without dot notation in the SQL expression.",
    "ParseCastArity": "The SQL expression CAST has incorrect arity.",
    "ParseEmptySelect": "The SQL expression contains an empty SELECT clause.",
    "ParseExpectedArgumentDelimiter": "The expected argument delimiter in the SQL expression was not found.",
    "ParseExpectedDatePart": "The expected date part in the SQL expression was not found.",
    "ParseExpectedIdentForAlias": "The expected identifier for the alias in the SQL expression was not found.",
    "ParseExpectedLeftParenAfterCast": "The expected left parenthesis after CAST in the SQL expression was not found.",
    "ParseExpectedNumber": "The expected number in the SQL expression was not found.",
    "ParseExpectedRightParenBuiltinFunctionCall": "The expected right parenthesis character in the SQL expression was "
    "not found.",
    "ParseInvalidTypeParam": "The SQL expression contains a parameter value that is not valid.",
    "ParseExpectedWhenClause": "The expected WHEN clause in the SQL expression was not found. CASE is not supported.",
    "ParseMalformedJoin": "JOIN is not supported in the SQL expression.",
    "ParseNonUnaryAgregateFunctionCall": "Only one argument is supported for aggregate functions in the SQL "
    "expression.",
    "ParseSelectMissingFrom": "The SQL expression contains a missing FROM after the SELECT list.",
    "ParseUnsupportedCallWithStar": "Only COUNT with (*) as a parameter is supported in the SQL expression.",
    "ParseUnsupportedSelect": "The SQL expression contains an unsupported use of SELECT.",
    "ParseUnsupportedSyntax": "The SQL expression contains unsupported syntax.",
    "TruncatedInput": "Object decompression failed. Check that the object is properly compressed using the format "
    "specified in the request.",
    "UnsupportedFunction": "S3 encountered an unsupported SQL function.",
    "UnsupportedScanRangeInput": "Scan range queries are not supported on this type of object.",
    "UnsupportedSqlOperation": "S3 encountered an unsupported SQL operation.",
    "UnsupportedSqlStructure": "S3 encountered an unsupported SQL structure. Check the SQL Reference.",
    "ValueParseFailure": "A timestamp parse failure occurred in the SQL expression.",
}


class SelectError(AwsError):
    """A select request that cannot be answered, before the stream or in it: one of a hundred codes of one kind."""

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code  # type: ignore[misc]  # The class of an error says its code, except here.
        super().__init__(message or SENTENCES[code])
