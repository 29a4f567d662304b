//! What is taken out of a catalog that is changed while the server runs.

use super::CatalogBuilder;

impl CatalogBuilder {
    /// Tells clients of lists of resources and prompts though they are empty, for a server that adds some while it runs: whoever
    /// connects before that would not look for them.
    #[must_use]
    pub fn announce_empty_lists(mut self) -> Self {
        self.catalog.announces_empty = true;
        self
    }

    /// Offers the tool of this name no more. Whether there was one.
    pub fn remove_tool(&mut self, name: &str) -> bool {
        let tools = &mut self.catalog.tools;
        let before = tools.len();
        tools.retain(|entry| entry.tool.name() != name);
        tools.len() < before
    }

    /// Offers the resource of this URI no more. Whether there was one.
    pub fn remove_resource(&mut self, uri: &str) -> bool {
        let resources = &mut self.catalog.resources;
        let before = resources.len();
        resources.retain(|(resource, _)| resource.uri() != uri);
        resources.len() < before
    }

    /// Offers the template with this URI template, and the completion of its variables, no more. Whether there was one.
    pub fn remove_template(&mut self, uri_template: &str) -> bool {
        let templates = &mut self.catalog.templates;
        let before = templates.len();
        templates.retain(|(template, _)| template.uri_template() != uri_template);
        let completions = &mut self.catalog.template_completions;
        completions.retain(|(completed, _)| completed != uri_template);
        self.catalog.templates.len() < before
    }

    /// Offers the prompt of this name no more. Whether there was one.
    pub fn remove_prompt(&mut self, name: &str) -> bool {
        let prompts = &mut self.catalog.prompts;
        let before = prompts.len();
        prompts.retain(|entry| entry.prompt.name() != name);
        prompts.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Call, Catalog, CatalogError, Handler, Prompt, PromptMessages, ReadResult, Resource,
        ResourceTemplate, Step, Tool, ToolResult,
    };

    fn done(_: &Call) -> Step<ToolResult> {
        Step::done("done")
    }

    fn read(_: &Call) -> Step<ReadResult> {
        Step::done(Vec::new())
    }

    fn say(_: &Call) -> Step<PromptMessages> {
        Step::done(PromptMessages::new())
    }

    fn catalog() -> Catalog {
        let catalog = Catalog::builder()
            .tool(Tool::new("a", "A"), Handler::Step(done))
            .resource(Resource::new("a://b", "b"), Handler::Step(read))
            .template(ResourceTemplate::new("a://{c}/d", "c"), Handler::Step(read))
            .prompt(Prompt::new("e", "E"), Handler::Step(say));
        catalog.build().unwrap()
    }

    #[test]
    fn what_was_removed_can_be_offered_again() {
        let mut edited = catalog().edit();
        assert!(edited.remove_tool("a") && !edited.remove_tool("a"));
        assert!(edited.remove_resource("a://b") && !edited.remove_resource("a://b"));
        assert!(edited.remove_template("a://{c}/d") && !edited.remove_template("a://{c}/d"));
        assert!(edited.remove_prompt("e") && !edited.remove_prompt("e"));
        let empty = edited.build().unwrap();
        assert!(!empty.has_resources(|_| true) && !empty.has_prompts(|_| true));
        let again = empty.edit().tool(Tool::new("a", "A"), Handler::Step(done));
        assert!(again.build().is_ok());
    }

    #[test]
    fn change_is_judged_as_at_the_start() {
        let twice = catalog()
            .edit()
            .tool(Tool::new("a", "A"), Handler::Step(done));
        let name = "a".to_owned();
        let errors = twice.build().unwrap_err();
        assert_eq!(errors.as_slice(), [CatalogError::DuplicateTool { name }]);
        let scoped = Tool::new("b", "B").requires_scope("mail.read");
        let unknown = catalog().edit().tool(scoped, Handler::Step(done));
        assert!(unknown.build().is_err());
    }
}
