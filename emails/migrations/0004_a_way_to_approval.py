"""The way a message goes to its approval: written, submitted, approved by somebody of the group of approvers."""

from django.db import migrations

NAME = "Approval of messages"
MESSAGES = (("emails", "emailtemplate"), ("push", "pushtemplate"))


def lay(apps, schema_editor):
    content_types = apps.get_model("contenttypes", "ContentType").objects
    task_type, _ = content_types.get_or_create(app_label="emails", model="messageapprovaltask")
    task = apps.get_model("emails", "MessageApprovalTask").objects.create(name=NAME, content_type=task_type, active=True)
    task.groups.set(apps.get_model("auth", "Group").objects.filter(name="approver"))
    workflow = apps.get_model("wagtailcore", "Workflow").objects.create(name=NAME, active=True)
    apps.get_model("wagtailcore", "WorkflowTask").objects.create(workflow=workflow, task=task, sort_order=0)
    of_type = apps.get_model("wagtailcore", "WorkflowContentType").objects
    for app_label, model in MESSAGES:
        content_type, _ = content_types.get_or_create(app_label=app_label, model=model)
        of_type.get_or_create(content_type=content_type, defaults={"workflow": workflow})


class Migration(migrations.Migration):
    dependencies = [
        ("emails", "0003_parts_brand_rules_and_links"), ("push", "0003_workflow_and_locks"), ("members", "0003_roles"),
    ]
    operations = [migrations.RunPython(lay, migrations.RunPython.noop)]
