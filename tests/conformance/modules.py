"""The OpenID Foundation's modules for a FAPI 2.0 provider, by their names, and what each tries, in our own words.

The suite itself is a service of the Foundation's and was not run; what each module tries, a test here tries.
"""

from __future__ import annotations

from tests.conformance.table import Row, Standard

CORE = Standard(
    "FAPI 2.0 Security Profile, final: provider, private_key_jwt, DPoP",
    (
        Row("DiscoveryEndpointVerification", "What is published is complete and right"),
        Row("HappyFlow", "The whole way, done right"),
        Row("UserRejectsAuthentication", "Somebody says no: access_denied, with state and iss"),
        Row("AuthorizationRequestWithoutStateSuccess", "Without a state none comes back"),
        Row("AuthorizationRequestWithoutNonceSuccess", "Without a nonce all is well"),
        Row("AuthorizationRequestWith64CharNonceSuccess", "A nonce of 64 characters is taken"),
        Row("OtherScopeOrderSucceeds", "The order of scopes does not matter"),
        Row("AccessTokenTypeHeaderCaseSensitivity", "dpop, DPoP and DPOP are one scheme"),
        Row("CheckDpopProofNbfExp", "A proof that says when it ends is held to it"),
        Row("DpopProofWithIat10SecondsBeforeSucceeds", "A proof of ten seconds ago is taken"),
        Row("DpopProofWithIat10SecondsAfterSucceeds", "A proof of ten seconds hence is taken"),
        Row("MismatchedDpopJktFails", "A push whose proof and thumbprint differ is refused"),
        Row("TokenEndpointFailsWithMismatchedDpopProofJkt", "A code bound by a proof is refused to another key"),
        Row("TokenEndpointFailsWithMismatchedDpopJkt", "A code bound by a thumbprint is refused to another key"),
        Row("DpopProofAtParEndpointBindingSuccess", "A proof at the push binds the code"),
        Row("DpopAuthCodeBindingSuccess", "A thumbprint at the push binds the code"),
        Row("LongNonce", "A very long nonce is taken, or refused cleanly"),
        Row("LongState", "A long state comes back whole"),
        Row("RegisteredRedirectUri", "An address that is not registered is refused"),
        Row("UnsignedAuthorizationRequestWithoutUsingParFails", "A request in the address is refused"),
        Row("RedirectUriInAuthorizationRequest", "A redirect address beside the request's name changes nothing"),
        Row("ResponseTypeCodeIdTokenFails", "The hybrid response is refused"),
        Row("ResponseTypeTokenFails", "The implicit response is refused"),
        Row("ClientIdInTokenEndpoint", "Another client's id beside an assertion is refused"),
        Row("HolderOfKeyRequired", "No proof, no token"),
        Row("AuthorizationCodeIsBoundToClient", "Another client cannot use a code"),
        Row(
            "AttemptReuseAuthorizationCodeAfterOneSecond",
            "A code is used once, and a second use ends the first's token",
        ),
        Row("AttemptToUseExpiredAuthCode", "A code of a minute ago is refused"),
        Row("SignedClientAssertionWithRS256Fails", "An RS256 assertion is refused"),
        Row("ClientAssertionInTokenEndpoint", "Without an assertion there is no token"),
        Row("InvalidClientAssertionsFail", "Sixteen wrong assertions are refused"),
        Row("DpopNegativeTests", "Every wrong proof is refused"),
        Row("RefreshToken", "A grant is renewed by its own key alone, and the refresh token stays"),
        Row(
            "PAREnsureServerAcceptsReusedRequestUriBeforeAuthenticationCompletion",
            "Looking twice before answering works",
        ),
        Row("PARAttemptReuseRequestUri", "After the answer the request is gone"),
        Row("PARAttemptToUseExpiredRequestUri", "A request that has run out is gone"),
        Row(
            "PARJWTClientAssertionWithIatNbf8SecondsInTheFutureIsAccepted", "A clock eight seconds ahead is put up with"
        ),
        Row("PARJWTClientAssertionWithIatNbfOver60SecondsInTheFutureFails", "A clock a minute ahead is not"),
        Row("PARRequestUriIsBoundToClient", "Another client's request is not there"),
        Row("PARRejectRequestUriInParAuthorizationFormParams", "A push with a request_uri is refused"),
        Row("PARRejectInvalidHttpVerb", "A push is a POST"),
        Row("PARPKCERequired", "A push without a challenge is refused"),
        Row("PARPKCECodeVerifierRequired", "A code without its verifier is refused"),
        Row("PARIncorrectPKCECodeVerifierRejected", "A code with another verifier is refused"),
        Row("PARPlainPKCERejected", "The plain method is refused"),
        Row("ParWithoutDuplicateParameters", "A request by its name alone is enough"),
        Row("PAREndpointAsArrayAudienceFails", "A list of audiences is refused"),
        Row("PAREndpointAsAudienceFails", "The push's own address is no audience"),
        Row("PARTokenEndpointAsAudienceFails", "The token address is no audience"),
    ),
)

SIGNED = Standard(
    "FAPI 2.0 Message Signing: signed requests",
    (
        Row("RequestObjectWithoutExpFails", "A request object that never ends is refused"),
        Row("RequestObjectWithoutNbfFails", "One that does not say when it begins is refused"),
        Row("ExpiredRequestObjectFails", "One that has ended is refused"),
        Row("RequestObjectBadAudFails", "One for another server is refused"),
        Row("RequestObjectMultipleAudSucceeds", "One for this server among others is taken"),
        Row("RequestObjectExpOver60Fails", "One that lives more than an hour is refused"),
        Row("RequestObjectNbfOver60Fails", "One that began more than an hour ago is refused"),
        Row("RequestObjectNbf8SecondsFutureSucceeds", "One that begins in eight seconds is taken"),
        Row("RequestObjectSignedWithRS256Fails", "One signed by RS256 is refused"),
        Row("RequestObjectSignedWithNoneFails", "An unsigned one is refused"),
        Row("RequestObjectInvalidSignatureFails", "One whose signature does not hold is refused"),
        Row("RequestObjectMatchingKeySucceeds", "One by a registered key is taken"),
        Row("UnsignedRequestAtParFails", "An unsigned push of a client that signs is refused"),
        Row("StateOnlyOutsideRequestObjectNotUsed", "A state outside the request object does not come back"),
    ),
)

BACKCHANNEL = Standard(
    "FAPI-CIBA: asking somebody who is not here",
    (
        Row("CibaHappyFlow", "Asked, answered yes, and a token"),
        Row("CibaUserRejects", "Answered no"),
        Row("CibaMultipleHintsFail", "More than one hint is refused"),
        Row("CibaExpiredAuthReqId", "A request that has run out gives nothing"),
        Row("CibaWrongAuthReqId", "A made-up request gives nothing"),
        Row("CibaWrongClientAtToken", "Another client's request gives nothing"),
        Row("CibaBadBindingMessage", "A binding message of odd characters or great length is refused"),
        Row("CibaRS256AssertionFails", "An RS256 assertion is refused"),
        Row("CibaMultipleCallsToTokenEndpoint", "Of many calls after the answer one gives the token"),
        Row("CibaRequestedExpiryAsString", "A requested expiry may be a text of digits"),
    ),
)
GRANT_MANAGEMENT = "Grant management's eight modules: the extension is not offered, so they do not apply."
