"""SelectObjectContent: the dialect of S3 Select, what it reads and what it writes.

An expression is parsed (`lexer`, `parser` to `syntax`), bound to the columns that the object really has and written in
the SQL engine's dialect (`compiler`, `functions`, `macros`). The object is read in batches of whole records
(`scanner`, `csv_records`, `json_records`; a file of Parquet is read by the engine), the statement runs on one batch
after the other, and gives each record as the text that goes out (`output`). So memory stays flat, and what a LIMIT
leaves out is not read.
"""
