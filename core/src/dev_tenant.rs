//! The dev tenant: an embedded stand-in for Entra ID and Microsoft Graph.
