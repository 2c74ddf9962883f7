"""CloudWatch Logs Insights: queries on log events, in a language of piped commands, run by the SQL engine."""
