// Echoes what it gets, or fails if it is asked to.
exports.handler = async (event, context) => {
  if (event.fail) throw new Error(event.fail);
  console.log("handled", event.text);
  return {
    event,
    function: context.functionName,
    request: context.awsRequestId,
    remaining_ms: context.getRemainingTimeInMillis(),
  };
};
