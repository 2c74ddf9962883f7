"""Function URLs: HTTP addresses of functions. https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html"""
