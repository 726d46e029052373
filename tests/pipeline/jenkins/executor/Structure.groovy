import groovy.json.JsonOutput
import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.builder.AstBuilder
import org.codehaus.groovy.ast.expr.ConstantExpression
import org.codehaus.groovy.ast.expr.Expression
import org.codehaus.groovy.ast.expr.GStringExpression
import org.codehaus.groovy.ast.expr.MapExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.TupleExpression
import org.codehaus.groovy.ast.stmt.TryCatchStatement
import org.codehaus.groovy.control.CompilePhase

/*
 * groovy executor/Structure.groovy JENKINSFILE
 *
 * Prints, as JSON, what the compiler reads in a Jenkinsfile: every call with what it stands in and what
 * its arguments are, every constant, and every string that Groovy puts together.
 */
class Facts extends CodeVisitorSupport {
    final List<Map> calls = []
    final List<Map> constants = []
    final List<Map> strings = []
    /** The function, the calls and the `finally` blocks around what is visited. */
    final List<String> around = []

    @Override
    void visitMethodCallExpression(MethodCallExpression call) {
        String name = call.methodAsString
        List<Expression> arguments = call.arguments instanceof TupleExpression ? call.arguments.expressions : []
        Map named = [:]
        List<String> kinds = []
        for (Expression argument : arguments) {
            kinds << argument.class.simpleName
            if (argument instanceof MapExpression) {
                argument.mapEntryExpressions.each { named[it.keyExpression.text] = it.valueExpression.class.simpleName }
            }
        }
        List<String> texts = arguments.findAll { it instanceof ConstantExpression }*.text
        calls << [name: name, line: call.lineNumber, around: around.clone(), kinds: kinds, named: named, texts: texts]
        around << name
        // Not its name, which is a constant, too.
        call.objectExpression.visit(this)
        call.arguments.visit(this)
        around.pop()
    }

    @Override
    void visitConstantExpression(ConstantExpression constant) {
        if (constant.value instanceof String) {
            constants << [text: constant.value, line: constant.lineNumber]
        }
    }

    @Override
    void visitGStringExpression(GStringExpression string) {
        strings << [text: string.text, line: string.lineNumber]
        super.visitGStringExpression(string)
    }

    @Override
    void visitTryCatchFinally(TryCatchStatement statement) {
        statement.tryStatement.visit(this)
        statement.catchStatements*.visit(this)
        around << 'finally'
        statement.finallyStatement.visit(this)
        around.pop()
    }
}

Facts facts = new Facts()
List nodes = new AstBuilder().buildFromString(CompilePhase.CONVERSION, false, new File(args[0]).text)
for (Object node : nodes) {
    if (node.respondsTo('getMethods')) {
        node.methods.findAll { it.code && it.lineNumber > 0 }.each {
            facts.around << it.name
            it.code.visit(facts)
            facts.around.pop()
        }
    } else {
        node.visit(facts)
    }
}
println JsonOutput.toJson([calls: facts.calls, constants: facts.constants, strings: facts.strings])
